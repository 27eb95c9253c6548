// SPDX-License-Identifier: Apache-2.0

import Foundation
import SystemPackage
import Testing
import Vocabulary

@testable import Sync

/// An agent that is not root's: what its user may not write to it must open, and close again.
@Suite(.enabled(if: geteuid() == 0)) struct OrdinaryUserTests {
  private static let user: uid_t = 65534

  /// Pushes to an agent of another user, in a directory of theirs.
  private func push(_ fixture: Fixture, _ options: PushOptions = Fixture.options) async throws {
    let home = fixture.top + "/home"
    if !fixture.exists("", in: home) {
      chmod(fixture.top, 0o755)
      for path in [home, fixture.host] {
        mkdir(path, 0o755)
        chown(path, Self.user, Self.user)
      }
    }
    let agent = try AgentProcess(
      home: home, prefix: ["setpriv", "--reuid=\(Self.user)", "--regid=\(Self.user)", "--clear-groups"])
    _ = try await fixture.push(options, to: agent).result.get()
    try await fixture.expectEqualTrees()
  }

  /// A tree in which nothing may be written to, as Go's module cache is.
  private func closed() async throws -> Fixture {
    let fixture = try Fixture()
    for name in ["cache/m/a", "cache/m/b", "cache/m/deep/c", "cache/n"] { try fixture.write(name, name) }
    try fixture.write("open/f", "1")
    for name in ["cache/m/a", "cache/n"] { chmod(fixture.laptop + "/" + name, 0o444) }
    for name in ["cache/m/deep", "cache/m", "cache"] { chmod(fixture.laptop + "/" + name, 0o555) }
    try await push(fixture)
    return fixture
  }

  @Test func closedDirectoriesAreDeleted() async throws {
    let fixture = try await closed()
    try fixture.remove("cache")
    try await push(fixture)
  }

  @Test func closedDirectoriesAreRenamed() async throws {
    let fixture = try await closed()
    try fixture.rename("cache/m", "open/m")
    try await push(fixture)
    try fixture.rename("cache", "renamed")
    try await push(fixture)
  }

  @Test func closedDirectoriesMakeWay() async throws {
    let fixture = try await closed()
    try fixture.remove("cache")
    try fixture.write("cache", "a file")
    try await push(fixture)
  }

  @Test func filesMoveOutOfClosedDirectoriesAndIn() async throws {
    let fixture = try await closed()
    try fixture.rename("cache/m/deep/c", "c")
    try fixture.rename("open/f", "cache/m/deep/f")
    try fixture.write("cache/m/b", "changed")
    try await push(fixture)
  }

  @Test func whatIsEditedInAClosedDirectoryIsSavedAside() async throws {
    let fixture = try await closed()
    try fixture.write("cache/m/deep/c", "edited", in: fixture.host)
    try fixture.remove("cache")
    try await push(fixture)
    #expect(fixture.exists(".remote-build/saved"))
  }
}
