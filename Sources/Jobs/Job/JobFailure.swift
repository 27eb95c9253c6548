// SPDX-License-Identifier: Apache-2.0

public import Wire

/// Why a service of this room refuses: the codes of its ``Wire/ServiceFailure``s.
public enum JobFailure: String, Sendable, CaseIterable {
  /// The host knows no job of that id.
  case noSuchJob = "no-such-job"
  /// There is a job of that id already.
  case jobExists = "job-exists"
  /// The job has not ended yet, and what was asked needs it to have.
  case jobRunning = "job-running"
  /// The job did not succeed, and what was asked needs it to have.
  case jobUnsuccessful = "job-unsuccessful"
  /// The specification cannot be carried out as it is; nothing was started.
  case invalidSpec = "invalid-spec"
  /// This agent holds no lock on a path that the job was to hold; nothing was started.
  case lockNotHeld = "lock-not-held"
  /// The executable is not on the host.
  case noSuchExecutable = "no-such-executable"
  /// The executable, or the directory that it should run in, is there but cannot be used.
  case cannotStart = "cannot-start"
  /// There is no tmpfs to keep the secrets in; they are never written to a disk.
  case noMemoryFilesystem = "no-memory-filesystem"
  /// A directory that must be this user's own belongs to someone else or is open to others.
  case unsafeDirectory = "unsafe-directory"
  /// The host's own Docker configuration cannot be read.
  case badDockerConfig = "bad-docker-config"
  /// The host's filesystem is full, or this user's part of it.
  case diskFull = "disk-full"
  /// The operating system refused otherwise; the message says what.
  case system
}

extension ServiceFailure {
  init(_ failure: JobFailure, _ message: String) { self.init(failure.rawValue, message) }

  /// The failure as one of this room's, if it is.
  public var job: JobFailure? { JobFailure(rawValue: code) }
}
