// SPDX-License-Identifier: Apache-2.0

internal import SystemPackage
internal import Wire

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

extension ServiceFailure {
  /// What the operating system refused, in the words of what was tried.
  static func system(_ what: String, _ error: Errno) -> ServiceFailure {
    ServiceFailure([.noSpace, .diskQuotaExceeded].contains(error) ? .diskFull : .system, "\(what): \(error)")
  }

  /// Does `body`, and tells an error of the operating system as `what`.
  static func wrapping<Value>(_ what: @autoclosure () -> String, _ body: () throws -> Value) throws -> Value {
    do {
      return try body()
    } catch let error as Errno {
      throw system(what(), error)
    }
  }
}

/// The result of a C call that returns -1 for a failure. Throws `errno`.
@discardableResult
func checked(_ result: CInt) throws(Errno) -> CInt {
  guard result >= 0 else { throw Errno(rawValue: errno) }
  return result
}

/// The host's clock, in seconds since 1970.
func secondsSince1970() -> Double {
  var now = timespec()
  clock_gettime(CLOCK_REALTIME, &now)
  return Double(now.tv_sec) + Double(now.tv_nsec) / 1e9
}

/// A clock that nobody sets, in seconds.
func monotonicSeconds() -> Double {
  var now = timespec()
  clock_gettime(CLOCK_MONOTONIC, &now)
  return Double(now.tv_sec) + Double(now.tv_nsec) / 1e9
}
