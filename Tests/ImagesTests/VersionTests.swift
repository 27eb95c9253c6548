// SPDX-License-Identifier: Apache-2.0

import Testing
import Vocabulary

@testable import Images

@Suite struct VersionTests {
  private let tree = Digest.sha256(of: "tree")

  @Test(arguments: [
    ("v1.0.1-0-gabc1234", false, "v1.0.1"),
    ("v1.0.1-3-gabc1234", false, "v1.0.1-3-gabc1234"),
    ("v1.0.1-0-gabc1234", true, "v1.0.1-dirty.dc9c5edb"),
    ("v1.0.1-3-gabc1234", true, "v1.0.1-3-gabc1234-dirty.dc9c5edb"),
    ("v2.0-RC-1-0-gabc1234", false, "v2.0-rc-1"),
    (nil, false, "v0.0.0-42-gabcdef0"),
    (nil, true, "v0.0.0-42-gabcdef0-dirty.dc9c5edb"),
  ])
  func gitVersions(_ described: String?, isDirty: Bool, tag: String) throws {
    let git = GitDescription(described: described, revision: "abcdef0123456789", commits: 42, isDirty: isDirty)
    #expect(tree.short == "dc9c5edb")
    #expect(try git.tag(treeDigest: tree) == tag)
  }

  @Test(arguments: [
    "v1+x-0-gabc1234", "v1/2-0-gabc1234", "v1", "v1-x-gabc", "v\(String(repeating: "1", count: 128))-0-gabc1234",
  ])
  func whatCannotBeATag(_ described: String) {
    let git = GitDescription(described: described, revision: "abcdef0", commits: 1, isDirty: false)
    let error = #expect(throws: ImagesError.self) { try git.tag(treeDigest: tree) }
    #expect(error?.code == .version)
  }

  @Test func versions() throws {
    #expect(try Version("git") == .git)
    #expect(try Version("v1.0.1") == .fixed("v1.0.1"))
    #expect(Version.git.description == "git")
    #expect(Version.fixed("v1").description == "v1")
    #expect(throws: ImagesError.self) { try Version("latest") }
    #expect(throws: ImagesError.self) { try Version(String(repeating: "a", count: 129)) }
  }

  @Test(arguments: [
    ("a", true), ("base-ml", true), ("a--b", true), ("a__b", true), ("a.b", true), ("0", true), ("", false),
    ("a___b", false), ("a..b", false), ("a.-b", false), ("-a", false), ("a-", false), ("A", false), ("a/b", false),
    ("é", false),
  ])
  func components(_ text: String, isComponent: Bool) {
    #expect(TagGrammar.isComponent(text) == isComponent)
  }
}
