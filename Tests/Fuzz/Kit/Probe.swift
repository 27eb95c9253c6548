// SPDX-License-Identifier: Apache-2.0

#if DEBUG
  import Foundation

  /// A decoder, as a function over bytes that anybody may have written. It decodes or refuses, and what it decoded keeps
  /// its promises; a crash and an allocation over the fuzzer's limit are found by the fuzzer.
  public struct Probe: Sendable {
    public let name: String
    /// Throws ``Violation`` where a promise is broken, and nothing else.
    let check: @Sendable ([UInt8]) throws -> Void
    /// Messages as the real encoders write them.
    let seeds: @Sendable () throws -> [[UInt8]]

    /// Every decoder. An input's first byte picks one by its place, so new ones go to the end.
    public static let all: [Probe] =
      MessageProbes.all + StateProbes.all + FrameProbes.all + JSONProbes.all + [PushProbe.probe, ClientProbe.probe]

    /// Hands `input` to the decoder that its first byte picks. Throws ``Violation``.
    public static func run(_ input: [UInt8]) throws {
      guard let first = input.first else { return }
      let probe = all[Int(first) % all.count]
      do { try probe.check(Array(input.dropFirst())) } catch let violation as Violation {
        throw Violation("\(probe.name): \(violation.what)")
      }
    }

    /// Valid inputs for all decoders, each under a name.
    public static func seeds() throws -> [(name: String, input: [UInt8])] {
      try all.enumerated().flatMap { index, probe in
        try probe.seeds().enumerated().map { ("\(probe.name)-\($0)", [UInt8(index)] + $1) }
      }
    }

    /// Runs `body` on a thread of its own, which it may block: probes wait for tasks, so they must not run in one.
    public static func aside<Value: Sendable>(
      _ body: @escaping @Sendable () throws -> Value
    ) async throws -> Value {
      try await withCheckedThrowingContinuation { continuation in
        Thread.detachNewThread { continuation.resume(with: Result { try body() }) }
      }
    }

    /// An input as text: hexadecimal digits; white space, and lines that begin with `#`, are passed over.
    public static func input(hex text: String) -> [UInt8]? {
      let digits = text.split(whereSeparator: \.isNewline).filter { !$0.hasPrefix("#") }.joined().filter {
        !$0.isWhitespace
      }
      guard digits.utf8.count.isMultiple(of: 2) else { return nil }
      var bytes: [UInt8] = []
      var rest = digits[...]
      while !rest.isEmpty {
        guard let byte = UInt8(rest.prefix(2), radix: 16) else { return nil }
        bytes.append(byte)
        rest = rest.dropFirst(2)
      }
      return bytes
    }
  }

  /// A promise that a decoder broke.
  public struct Violation: Error, CustomStringConvertible {
    let what: String

    init(_ what: String) { self.what = what }

    public var description: String { what }
  }
#endif
