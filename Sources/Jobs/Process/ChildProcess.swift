// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import SystemPackage
internal import Wire

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// Starting a program.
struct ChildProcess {
  var argv: [String]
  var environment: HostEnvironment
  var directory = "/"

  enum Kind {
    /// A child of this thread that leads a process group of its own, and is asked to end when this thread ends.
    case group
    /// The leader of a new session that nobody waits for.
    case detached
  }

  /// Starts it with `descriptors` as 0, 1, 2, … and none besides. `executable` is a path; without one, `argv[0]` is
  /// looked for on the environment's `PATH`. Returns its process id when the new program runs. Throws
  /// ``JobFailure/noSuchExecutable`` and ``JobFailure/cannotStart``.
  func start(_ kind: Kind, descriptors: [FileDescriptor], executable: String? = nil) throws -> Int32 {
    guard let name = argv.first, !name.isEmpty, !argv.contains(where: { $0.utf8.contains(0) }) else {
      throw ServiceFailure(.invalidSpec, "a command without a program")
    }
    let path = try executable ?? find(name)
    let arguments = argv.map { strdup($0) } + [nil]
    let variables = environment.variables.sorted { $0.key < $1.key }.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { for text in arguments + variables { free(text) } }
    let flags = kind == .group ? RB_SPAWN_GROUP | RB_SPAWN_ENDS_WITH_PARENT : RB_SPAWN_DETACHED
    var stage: CInt = 0
    let pid = rb_spawn(
      path, arguments, variables, directory, descriptors.map(\.rawValue), CInt(descriptors.count), CInt(flags), &stage)
    guard pid < 0 else { return pid }
    let error = Errno(rawValue: errno)
    switch Int(stage) {
    case RB_STAGE_DIRECTORY:
      throw ServiceFailure(.cannotStart, "\(name) cannot run in \(directory): \(error)")
    case RB_STAGE_EXEC where error == .noSuchFileOrDirectory:
      throw ServiceFailure(.noSuchExecutable, "\(path) is not there, or its interpreter is not")
    default:
      throw ServiceFailure(.cannotStart, "\(path) cannot be started: \(error)")
    }
  }

  private func find(_ name: String) throws -> String {
    if name.contains("/") { return name }
    guard let path = environment.executables(name).first else {
      throw ServiceFailure(.noSuchExecutable, "there is no \(name) on the host's PATH (\(environment.path))")
    }
    return path
  }
}

/// How a process ended.
struct ProcessEnd: Sendable, Hashable {
  var status: Int?
  var signal: Int?

  /// Nobody knows how.
  init() {}

  /// From what `waitpid` reports.
  init(waitStatus: CInt) {
    let signal = waitStatus & 0x7f
    if signal == 0 {
      status = Int(waitStatus >> 8 & 0xff)
    } else {
      self.signal = Int(signal)
    }
  }

  var succeeded: Bool { status == 0 }
}
