// SPDX-License-Identifier: Apache-2.0

#if DEBUG
  import Dispatch
  import Synchronization
  import Wire

  @testable import Sync

  /// What every decoder promises.
  enum Expect {
    static func that(_ condition: Bool, _ what: @autoclosure () -> String) throws {
      if !condition { throw Violation(what()) }
    }

    /// What `body` decodes; `nil` where it refuses with an error that is meant for that.
    static func decoded<Value>(_ body: () throws -> Value) throws -> Value? {
      do { return try body() } catch {
        try refusal(error)
        return nil
      }
    }

    static func refusal(_ error: any Error) throws {
      guard !(error is WireError || error is SyncError || error is ServiceFailure) else { return }
      if let violation = error as? Violation { throw violation }
      throw Violation("an error of another kind, \(type(of: error)): \(error)")
    }

    /// Decodes what was encoded from a decoded value; that must not fail.
    static func again<Value>(_ body: () throws -> Value) throws -> Value {
      do { return try body() } catch {
        if let violation = error as? Violation { throw violation }
        throw Violation("what was decoded cannot be encoded and decoded again: \(error)")
      }
    }

    /// The rules for paths, written a second time.
    static func safe(_ path: TreePath) throws {
      let parts = path.bytes.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).map { Array($0) }
      let isSafe =
        path.bytes.count < 4096 && !path.bytes.contains(0) && parts[0] != Array(".remote-build".utf8)
        && parts.allSatisfy { !$0.isEmpty && $0 != [0x2e] && $0 != [0x2e, 0x2e] && $0.count < 256 }
      try that(isSafe, "the path \(path) was let pass")
    }

    /// Runs `body` on other threads, and blocks until it ends.
    static func blocking<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) throws -> Value {
      let done = DispatchSemaphore(value: 0)
      let result = Mutex<Result<Value, any Error>?>(nil)
      Task.detached {
        let value: Result<Value, any Error>
        do { value = .success(try await body()) } catch { value = .failure(error) }
        result.withLock { $0 = value }
        done.signal()
      }
      done.wait()
      return try result.withLock { $0! }.get()
    }
  }

  /// An input taken apart.
  struct Pieces {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) { rest = bytes[...] }

    var isAtEnd: Bool { rest.isEmpty }

    mutating func byte() -> UInt8 { rest.popFirst() ?? 0 }

    /// Two bytes of length, and so many bytes, or what there is.
    mutating func piece() -> [UInt8] {
      let length = Int(byte()) | Int(byte()) << 8
      defer { rest = rest.dropFirst(length) }
      return Array(rest.prefix(length))
    }

    mutating func all() -> [UInt8] {
      defer { rest = [] }
      return Array(rest)
    }

    static func encode(_ pieces: [[UInt8]]) -> [UInt8] {
      pieces.flatMap { [UInt8(truncatingIfNeeded: $0.count), UInt8(truncatingIfNeeded: $0.count >> 8)] + $0 }
    }
  }
#endif
