// SPDX-License-Identifier: Apache-2.0

import Foundation
import SystemPackage
import Testing
import Vocabulary

@testable import RemoteKit

@Suite struct DigestMemoryTests {
  @Test func aFileIsKnownByItsStampUnlessItIsNew() throws {
    let directory = FilePath("/tmp/digest-memory.\(UInt32.random(in: 0...UInt32.max))")
    defer { try? FileManager.default.removeItem(atPath: directory.string) }
    let memory = DigestMemory(file: directory.appending("digests"))
    let (shell, cat) = (
      try #require(DigestMemory.Stamp(of: "/bin/sh")), try #require(DigestMemory.Stamp(of: "/bin/cat"))
    )
    #expect(memory.digest(of: shell) == nil)
    memory.remember(.sha256(of: "shell"), of: shell)
    memory.remember(.sha256(of: "cat"), of: cat)
    #expect(memory.digest(of: shell) == .sha256(of: "shell"))
    #expect(memory.digest(of: cat) == .sha256(of: "cat"))
    // A file that was written just now may be written again within the same tick of its clock.
    let new = directory.appending("new")
    try "new".write(toFile: new.string, atomically: true, encoding: .utf8)
    let stamp = try #require(DigestMemory.Stamp(of: new))
    memory.remember(.sha256(of: "new"), of: stamp)
    #expect(memory.digest(of: stamp) == nil)
    #expect(DigestMemory.Stamp(of: directory.appending("none")) == nil)
  }
}
