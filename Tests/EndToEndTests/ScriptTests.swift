// SPDX-License-Identifier: Apache-2.0

import Foundation
import LabKit
import SystemPackage
import Testing

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

@Suite struct ScriptTests {
  private func script(_ words: [String], cache: String? = nil) async throws -> Workbench.Outcome {
    try await Workbench.with(try await TestLab.lab()) { bench in
      try bench.writeSmallWorkspace()
      let script = Workbench.package.appending("scripts/\(words[0])").string
      return try await bench.command(script, Array(words.dropFirst()), cache.map { ["XDG_CACHE_HOME": $0] } ?? [:])
    }
  }

  @Test(arguments: [["quickstart"], ["quickstart", "--remove"]])
  func aSecondQuickStartTouchesNothing(_ words: [String]) async throws {
    let cache = FilePath(NSTemporaryDirectory()).appending("remote-build-script-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(atPath: cache.string) }
    let directory = cache.appending("remote-build-lab").string
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    let lock = try FileDescriptor.open(
      FilePath(directory).appending("quickstart.lock"), .writeOnly, options: [.create], permissions: .ownerReadWrite)
    defer { try? lock.close() }
    #expect(flock(lock.rawValue, LOCK_EX) == 0)
    let second = try await script(words, cache: cache.string)
    #expect(second.status == 75, "\(second.talk)")
    #expect(second.talk.contains("another one runs in \(directory)/quickstart"))
    #expect(try FileManager.default.contentsOfDirectory(atPath: directory) == ["quickstart.lock"])
  }

  @Test func anInstallationNeedsAPlace() async throws {
    for words in [["install", "--prefix"], ["install", "--prefix", ""], ["install"]] {
      let refused = try await script(words)
      #expect(refused.status == 64, "\(words): \(refused.talk)")
      #expect(refused.talk.hasPrefix("install: "))
    }
  }
}
