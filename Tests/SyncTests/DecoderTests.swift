// SPDX-License-Identifier: Apache-2.0

import Foundation
import FuzzKit
import Testing

/// The decoders, with what the fuzzer begins from and what it once found. `scripts/fuzz` goes on from there.
@Suite struct DecoderTests {
  @Test func validAndHostileMessagesAreDecodedOrRefused() async throws {
    let seeds = try await Probe.aside { try Probe.seeds() }
    for probe in Probe.all { #expect(seeds.contains { $0.name == "\(probe.name)-0" }) }
    for (name, input) in seeds { try await run(name, input) }
  }

  @Test func whatOnceBrokeADecoderDoesNotAnyMore() async throws {
    let corpus = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../Fuzz/corpus")
    for (name, input) in try Regression.inputs(corpus.path) { try await run(name, input) }
  }

  private func run(_ name: String, _ input: [UInt8]) async throws {
    await #expect(throws: Never.self, "\(name)") { try await Probe.aside { try Probe.run(input) } }
  }
}
