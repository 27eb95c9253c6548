// SPDX-License-Identifier: Apache-2.0

internal import SystemPackage

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// What goes wrong on the side that scans and pushes. What the agent refuses arrives as `Wire.ServiceFailure`, with
/// the codes of ``Refusal``.
public struct SyncError: Error, Hashable, Sendable, CustomStringConvertible {
  public enum Code: String, Hashable, Sendable {
    /// The operating system refused; ``SyncError/systemError`` says why.
    case io
    /// A directory or file of the workspace cannot be read. Nothing is sent, so nothing is deleted for its sake.
    case unreadable
    /// An ignore file holds a pattern that Docker would refuse too.
    case badPattern
    /// A context's directory or Dockerfile is not in the workspace.
    case badContext
    /// A file changed between its scan and its sending. The host was left as it was.
    case changedWhileSent
    /// Paths that no tree may hold: absolute, with `..`, twice, below something that is no directory.
    case badTree
    /// The host did not come to rest: its tree kept changing while it was pushed to.
    case hostKeepsChanging
  }

  public var code: Code
  /// What happened, and what to do.
  public var message: String
  /// The path concerned, as far as there is one.
  public var path: String?
  /// `errno`, where a system call failed.
  public var systemError: Int32?

  public init(_ code: Code, _ message: String, path: String? = nil, systemError: Int32? = nil) {
    self.code = code
    self.message = message
    self.path = path
    self.systemError = systemError
  }

  public var description: String { message }

  /// The error of the system call that failed just now.
  static func last(_ doing: String, _ path: String) -> SyncError { number(errno, doing, path) }

  static func number(_ number: Int32, _ doing: String, _ path: String) -> SyncError {
    SyncError(.io, "cannot \(doing) \(path): \(Errno(rawValue: number))", path: path, systemError: number)
  }
}
