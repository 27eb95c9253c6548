// SPDX-License-Identifier: Apache-2.0

import Foundation
import SystemPackage
import Testing
import Vocabulary

@testable import Sync

/// The semantics of Docker's ignore files. The cases are facts about moby/patternmatcher: its documented behaviour and
/// its own tests' verdicts.
@Suite struct IgnoreTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var patterns: [String]
    var path: String
    var isExcluded: Bool
    var testDescription: String { "\(patterns) \(path)" }

    init(_ pattern: String, _ path: String, _ isExcluded: Bool) { self.init([pattern], path, isExcluded) }

    init(_ patterns: [String], _ path: String, _ isExcluded: Bool) {
      self.patterns = patterns
      self.path = path
      self.isExcluded = isExcluded
    }
  }

  /// Walks down to the path, as a context is walked.
  private func excludes(_ matcher: PatternMatcher, _ path: String) -> Bool {
    var memory: PatternMatcher.Memory = []
    var verdict = false
    let parts = path.split(separator: "/")
    for count in 1...max(1, parts.count) {
      (verdict, memory) = matcher.excludes(Array(parts.prefix(count).joined(separator: "/").utf8), memory: memory)
    }
    return verdict
  }

  private static let cases: [Case] = [
    Case("**", "file", true), Case("**/", "file", true), Case("**", "dir/file", true), Case("**/", "dir/file", true),
    Case("**/**", "dir/file", true), Case("dir/**", "dir/file", true), Case("dir/**", "dir/dir2/file", true),
    Case("**/dir", "dir", true), Case("**/dir", "dir/file", true), Case("**/dir2/*", "dir/dir2/file", true),
    Case("**/dir2/**", "dir/dir2/dir3/file", true), Case("**file", "file", true), Case("**file", "dir/file", true),
    Case("**/file", "dir/file", true), Case("**file", "dir/dir/file", true), Case("**/file", "dir/dir/file", true),
    Case("**/file*", "dir/dir/file", true), Case("**/file*", "dir/dir/file.txt", true),
    Case("**/file*txt", "dir/dir/file.txt", true), Case("**/file*.txt", "dir/dir/file.txt", true),
    Case("**/file*.txt*", "dir/dir/file.txt", true), Case("**/**/*.txt", "dir/dir/file.txt", true),
    Case("**/**/*.txt2", "dir/dir/file.txt", false), Case("**/*.txt", "file.txt", true),
    Case("**/**/*.txt", "file.txt", true), Case("a**/*.txt", "a/file.txt", true),
    Case("a**/*.txt", "a/dir/file.txt", true), Case("a**/*.txt", "a/dir/dir/file.txt", true),
    Case("a/*.txt", "a/dir/file.txt", false), Case("a/*.txt", "a/file.txt", true),
    Case("a/*.txt**", "a/file.txt", true),
    Case("a[b-d]e", "ae", false), Case("a[b-d]e", "ace", true), Case("a[b-d]e", "aae", false),
    Case("a[^b-d]e", "aze", true), Case(".*", ".foo", true), Case(".*", "foo", false), Case("abc.def", "abcdef", false),
    Case("abc.def", "abc.def", true), Case("abc.def", "abcZdef", false), Case("abc?def", "abcZdef", true),
    Case("abc?def", "abcdef", false), Case("a\\\\", "a\\", true), Case("**/foo/bar", "foo/bar", true),
    Case("**/foo/bar", "dir/foo/bar", true), Case("**/foo/bar", "dir/dir2/foo/bar", true), Case("abc/**", "abc", false),
    Case("abc/**", "abc/def", true), Case("abc/**", "abc/def/ghi", true), Case("**/.foo", ".foo", true),
    Case("**/.foo", "bar.foo", false), Case("a(b)c/def", "a(b)c/def", true), Case("a(b)c/def", "a(b)c/xyz", false),
    Case("a.|)$(}+{bc", "a.|)$(}+{bc", true), Case("dist/*.whl", "dist/proxy.py-2.4.0rc3.dev36+g08acad9-py3.whl", true),
    Case("a\\*b", "a*b", true), Case("a\\*b", "ab", false),
    // The order decides.
    Case(["**", "!util/docker/web"], "util/docker/web/foo", false),
    Case(["**", "!util/docker/web", "util/docker/web/foo"], "util/docker/web/foo", true),
    Case(["**", "!dist/*.whl"], "dist/a.whl", false), Case(["!fileutils.go", "*.go"], "fileutils.go", true),
    Case(["*.go", "!fileutils.go"], "fileutils.go", false), Case(["docs", "!docs/README.md"], "docs/README.md", false),
    Case(["docs/", "!docs/README.md"], "docs/README.md", false),
    Case(["docs/*", "!docs/README.md"], "docs/README.md", false), Case(["docs/*", "!docs/README.md"], "docs/x", true),
    // The syntax of `filepath.Match`.
    Case("*", "abc", true), Case("*c", "abc", true), Case("a*", "a", true), Case("a*", "ab/c", true),
    Case("a*/b", "abc/b", true), Case("a*/b", "a/c/b", false), Case("a*b*c*d*e*/f", "axbxcxdxexxx/f", true),
    Case("a*b*c*d*e*/f", "axbxcxdxe/xxx/f", false), Case("a*b?c*x", "abxbbxdbxebxczzx", true),
    Case("a*b?c*x", "abxbbxdbxebxczzy", false), Case("ab[^c]", "abc", false), Case("ab[^e-g]", "abc", true),
    Case("a?b", "a\u{263a}b", true), Case("a[^a]b", "a\u{263a}b", true), Case("a???b", "a\u{263a}b", false),
    Case("[a-\u{3b6}]*", "\u{3b1}", true), Case("*[a-\u{3b6}]", "A", false), Case("a?b", "a/b", false),
    Case("a*b", "a/b", false), Case("[\\]a]", "]", true), Case("[\\-]", "-", true), Case("[x\\-]", "x", true),
    Case("[x\\-]", "z", false), Case("[\\-x]", "-", true), Case("*x", "xxx", true),
    // Plain names are whole paths: no pattern without `**` reaches into directories.
    Case("node_modules", "node_modules/a/b", true), Case("node_modules", "web/node_modules/a", false),
    Case("**/node_modules", "web/node_modules/a", true), Case("*.pyc", "a/b.pyc", false),
    Case("**/*.pyc", "a/b.pyc", true),
  ]

  @Test(arguments: cases) func aPathIsExcludedAsDockerWould(example: Case) throws {
    let patterns = IgnoreFile(Array(example.patterns.joined(separator: "\n").utf8)).patterns
    #expect(excludes(try PatternMatcher(patterns), example.path) == example.isExcluded)
  }

  @Test(arguments: [
    "!", "[", "[^", "[^bc", "a[", "[]a]", "[-]", "[x-]", "[-x]", "\\", "[a-b-c]", "[z-a]", "\\d", "[[:alpha:]]",
  ])
  func aBadPatternIsAnError(pattern: String) {
    #expect { try PatternMatcher([Array(pattern.utf8)]) } throws: { ($0 as? SyncError)?.code == .badPattern }
  }

  @Test func linesAreReadAsDockerDoes() {
    let text =
      "\u{feff}test1\n/test2\r\n/a/file/here\n\nlastfile\n# a comment\n ! /inverted/abs/path\n  # no comment\n a/./b/../c/ \n/\n!\n! "
    let expected = [
      "test1", "test2", "a/file/here", "lastfile", "!inverted/abs/path", "# no comment", "a/c", "/", "!", "!",
    ]
    #expect(IgnoreFile(Array(text.utf8)).patterns == expected.map { Array($0.utf8) })
  }

  private func paths(_ fixture: Fixture, _ contexts: [ImageContext] = []) async throws -> Set<String> {
    Set(try await fixture.scan(contexts).entries.map(\.path.description))
  }

  @Test func gitAndOurOwnStateAreNeverSent() async throws {
    let fixture = try Fixture()
    for path in [".git/config", ".remote-build/x", "sub/.git/config", "a", ".gitignore"] {
      try fixture.write(path, "x")
    }
    #expect(try await paths(fixture) == ["a", "sub", ".gitignore"])
  }

  @Test func anExceptionBelowAnExcludedDirectoryBringsItsDirectories() async throws {
    let fixture = try Fixture()
    for path in ["d/e/keep", "d/e/drop", "d/f/drop", "g"] { try fixture.write(path, "x") }
    try fixture.write(".dockerignore", "d\n!d/e/keep\n")
    #expect(try await paths(fixture) == [".dockerignore", "d", "d/e", "d/e/keep", "g"])
  }

  @Test func theManagedSetIsTheUnionOfTheContexts() async throws {
    let fixture = try Fixture()
    for path in ["one/a", "one/b", "two/a", "two/deep/b", "three/a", "docker/one.Dockerfile", "docker/other"] {
      try fixture.write(path, "x")
    }
    try fixture.write("two/Dockerfile", "FROM scratch")
    try fixture.write("one/.dockerignore", "a\n")
    try fixture.write("two/.dockerignore", "**\n!deep\n")
    let contexts = [
      ImageContext(image: "one", directory: "one", dockerfile: "docker/one.Dockerfile"),
      ImageContext(image: "two", directory: "./two/", dockerfile: "two/Dockerfile"),
    ]
    #expect(
      try await paths(fixture, contexts) == [
        "docker", "docker/one.Dockerfile", "one", "one/.dockerignore", "one/b", "two", "two/.dockerignore",
        "two/Dockerfile", "two/deep", "two/deep/b",
      ])
    // Each image's digest is that of its own context.
    let before = try await fixture.scan(contexts)
    try fixture.write("one/b", "changed")
    let after = try await fixture.scan(contexts)
    #expect(before.contextDigests["one"] != after.contextDigests["one"])
    #expect(before.contextDigests["two"] == after.contextDigests["two"])
  }

  @Test func theDockerfilesOwnIgnoreFileWins() async throws {
    let fixture = try Fixture()
    for path in ["a", "b", "x.Dockerfile"] { try fixture.write(path, "x") }
    try fixture.write(".dockerignore", "a\n")
    try fixture.write("x.Dockerfile.dockerignore", "**\n!a\n")
    let context = ImageContext(image: "x", dockerfile: "x.Dockerfile")
    #expect(try await paths(fixture, [context]) == ["a", "x.Dockerfile", "x.Dockerfile.dockerignore"])
  }

  @Test func remoteignoreSubtractsButNotTheDockerfile() async throws {
    let fixture = try Fixture()
    for path in ["secret/key", "a", "Dockerfile"] { try fixture.write(path, "x") }
    try fixture.write(".remoteignore", "secret\nDockerfile\n.remoteignore\n")
    let context = ImageContext(image: "x", dockerfile: "Dockerfile")
    #expect(try await paths(fixture, [context]) == ["a", "Dockerfile"])
  }

  @Test func aMissingDockerfileIsAnError() async throws {
    let fixture = try Fixture()
    try fixture.write("a", "x")
    for dockerfile in ["Dockerfile", "../Dockerfile"] {
      await #expect {
        try await fixture.scan([ImageContext(image: "x", dockerfile: dockerfile)])
      } throws: { ($0 as? SyncError)?.code == .badContext }
    }
  }

  @Test(.enabled(if: geteuid() != 0)) func anUnreadableDirectoryIsAnError() async throws {
    let fixture = try Fixture()
    try fixture.write("d/a", "x")
    chmod(fixture.laptop + "/d", 0)
    defer { chmod(fixture.laptop + "/d", 0o700) }
    await #expect { try await fixture.scan() } throws: { ($0 as? SyncError)?.code == .unreadable }
  }

  @Test func aSocketIsLeftOutAndSaid() async throws {
    let fixture = try Fixture()
    try fixture.write("a", "x")
    mkfifo(fixture.laptop + "/pipe", 0o600)
    let scan = try await fixture.scan()
    #expect(try scan.entries.map(\.path.description) == ["a"])
    #expect(scan.warnings.count == 1)
  }
}
