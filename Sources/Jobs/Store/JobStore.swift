// SPDX-License-Identifier: Apache-2.0

internal import SystemPackage
internal import Wire

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// This user's jobs on the host: a directory each, with `spec.json`, `status.json`, the log and `outputs/`.
struct JobStore: Sendable {
  /// `$XDG_STATE_HOME/remote-build`, or `~/.local/state/remote-build`.
  let root: FilePath

  init(_ environment: HostEnvironment) {
    root = (environment.directory("XDG_STATE_HOME") ?? FilePath(environment.home).appending(".local/state"))
      .appending("remote-build")
  }

  var jobs: FilePath { root.appending("jobs") }

  /// Where leases on channels and the audit log lie.
  var releases: FilePath { root.appending("releases") }

  /// The job's directory, which need not be there. Throws for what cannot be an id.
  func directory(_ id: String) throws -> JobDirectory {
    guard (1...64).contains(id.utf8.count), id.utf8.allSatisfy(Self.isIdentifier) else {
      throw ServiceFailure(.invalidSpec, "'\(id)' is no job's id: 1 to 64 letters and digits")
    }
    return JobDirectory(path: jobs.appending(id))
  }

  private static func isIdentifier(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "a")...UInt8(ascii: "z"):
      true
    default: false
    }
  }

  /// Makes the directory of a new job. Where there are more than `most` then, the oldest that have ended go.
  func create(_ spec: JobSpec, keeping most: Int = 200) throws -> JobDirectory {
    let job = try directory(spec.id)
    try PrivateDirectory.ensure(jobs)
    for id in identifiers().dropLast(max(0, most - 1)) where (try? status(id))?.isOver == true {
      SmallFile.removeTree(jobs.appending(id))
    }
    do {
      try PrivateDirectory.create(job.path)
      try PrivateDirectory.create(job.outputs)
      try SmallFile.create(job.path.appending("spec.json"), with: FrameConnection.json(spec.withoutSecrets))
      try SmallFile.create(job.log.first, with: [])
      try SmallFile.create(job.reserve, with: [UInt8](repeating: 0, count: 128 << 10))
    } catch Errno.fileExists {
      throw ServiceFailure(.jobExists, "there is a job \(spec.id) already")
    } catch let error as Errno {
      SmallFile.removeTree(job.path)
      throw ServiceFailure.system("cannot write to \(job.path)", error)
    }
    return job
  }

  /// The ids of all jobs, the oldest first.
  func identifiers() -> [String] { ((try? SmallFile.names(in: jobs)) ?? []).sorted() }

  func status(_ id: String) throws -> JobStatus { try directory(id).status() }

  /// All jobs that can be read, the newest first.
  func list(limit: Int) -> [JobStatus] {
    var found: [JobStatus] = []
    for id in identifiers().reversed() where found.count < limit {
      if let status = try? status(id) { found.append(status) }
    }
    return found
  }
}

/// One job's files.
struct JobDirectory: Sendable {
  let path: FilePath

  var id: String { path.lastComponent?.string ?? "" }
  var log: JobLog { JobLog(directory: path) }
  /// Where a supervisor's own last words stand, should it crash.
  var words: FilePath { path.appending("supervisor") }
  var outputs: FilePath { path.appending("outputs") }
  /// Room for the last status, should the disk be full by then.
  var reserve: FilePath { path.appending("reserve") }
  private var statusFile: FilePath { path.appending("status.json") }

  /// The job as it stands. One that should run while its supervisor does not is lost.
  func status() throws -> JobStatus {
    let status = try stored()
    guard !status.isOver, status.supervisor?.isRunning != true else { return status }
    // It may have ended properly between the two looks.
    var again = try stored()
    if !again.isOver { again.phase = .lost }
    return again
  }

  /// The status as it was written last.
  func stored() throws -> JobStatus {
    do {
      return try FrameConnection.decode(JobStatus.self, SmallFile.read(statusFile, limit: 4 << 20))
    } catch Errno.noSuchFileOrDirectory {
      throw ServiceFailure(.noSuchJob, "there is no job \(id) on this host")
    } catch let error as Errno {
      throw ServiceFailure.system("cannot read the status of job \(id)", error)
    }
  }

  func write(_ status: JobStatus) throws {
    try ServiceFailure.wrapping("cannot write the status of job \(id)") {
      try SmallFile.replace(statusFile, with: FrameConnection.json(status))
    }
  }

  /// Writes the status with which the job ends. It must be had also where the job has filled the disk.
  func writeLast(_ status: JobStatus) {
    unlink(reserve.string)
    try? write(status)
  }
}
