// SPDX-License-Identifier: Apache-2.0

import Testing
import Vocabulary

@Suite struct VocabularyTests {
  @Test func aDigestReadsWhatItWrites() throws {
    let digest = Digest.sha256(of: "abc")
    #expect(digest.description == "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    #expect(Digest(digest.description) == digest)
  }

  @Test(arguments: ["", "sha256:", "sha512:00", "sha256:" + String(repeating: "G", count: 64)])
  func whatIsNoDigestIsRefused(_ text: String) { #expect(Digest(text) == nil) }

  @Test(arguments: [
    ("300MB", 300_000_000), ("8GB", 8_000_000_000), ("512KiB", 524_288), ("7", 7), ("1.5 GB", 1_500_000_000),
  ])
  func byteCountsAreRead(_ text: String, _ bytes: Int64) { #expect(ByteCount(text)?.bytes == bytes) }

  @Test(arguments: ["", "MB", "-1", "3 apples", "1e3"])
  func whatIsNoByteCountIsRefused(_ text: String) { #expect(ByteCount(text) == nil) }

  @Test(arguments: [(0, "0 B"), (999, "999 B"), (6_100, "6.1 kB"), (48_000_000, "48 MB"), (1_460_000_000, "1.5 GB")])
  func byteCountsAreWritten(_ bytes: Int, _ text: String) { #expect(ByteCount(bytes).description == text) }

  @Test func platformsAreRead() {
    #expect(Platform("linux/arm/v7")?.variant == "v7")
    #expect(Platform("linux") == nil)
    #expect(Platform(machine: "x86_64").description == "linux/amd64")
  }
}
