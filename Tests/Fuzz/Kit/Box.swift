// SPDX-License-Identifier: Apache-2.0

#if DEBUG
  import Foundation
  import SystemPackage
  import Vocabulary
  import Wire

  @testable import Sync

  /// A small workspace on a host, in a temporary directory, beside something that nobody may touch.
  final class Box: Sendable {
    let top: String
    var workspace: String { top + "/workspace" }
    var state: String { workspace + "/.remote-build" }

    /// What was pushed here: ``Sample/operations`` fit it.
    static let tree: [TreeEntry] = [
      Sample.file("a", "one"), Sample.directory("d"), Sample.file("d/b", "two", permissions: 0o755),
      Sample.link("d/out", "../../outside"), Sample.directory("d/deep"), Sample.file("d/deep/c", "three"),
      Sample.file("edited", "as pushed"), Sample.file("h1", "linked"), Sample.file("h2", "linked", link: "h1"),
      Sample.directory("n"), Sample.directory("o"), Sample.file("o/p", "four"),
    ]

    private static let own = "the host's own"
    private static let texts = [
      "a": "one", "d/b": "two", "d/deep/c": "three", "edited": "edited on the host", "h1": "linked", "o/p": "four",
      "host/mine": own, "n/mine": own,
    ]

    /// The managed list of ``tree``, without stamps.
    static let managed: [UInt8] = try! file(tree)

    /// A snapshot's file.
    static func file(_ entries: [TreeEntry]) throws -> [UInt8] {
      let scratch = try Scratch()
      let writer = try SnapshotWriter(scratch.descriptor, nil, path: "a tree")
      for entry in entries.sorted(by: { $0.path < $1.path }) {
        try writer.append(StampedEntry(entry: entry, stamp: nil))
      }
      let snapshot = try writer.finish()
      return try Disk.read(snapshot.descriptor, at: 0, 1 << 20, "a tree")
    }

    init() throws {
      var template = Array("\(NSTemporaryDirectory())/remote-build-fuzz-XXXXXX".utf8CString)
      guard mkdtemp(&template) != nil else { throw Errno(rawValue: errno) }
      top = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
      mkdir(top + "/outside", 0o755)
      try write("outside/secret", Array("secret".utf8))
      mkdir(workspace, 0o755)
    }

    deinit {
      _ = try? Disk.remove(AT_FDCWD, Array(top.utf8), top)
    }

    /// Puts the pushed tree in place, and what the host has beside it.
    func fill() throws {
      for directory in ["d", "d/deep", "host", "n", "o", ".remote-build"] { mkdir(workspace + "/" + directory, 0o755) }
      for (path, text) in Self.texts { try write("workspace/" + path, Array(text.utf8)) }
      chmod(workspace + "/d/b", 0o755)
      symlink("../../outside", workspace + "/d/out")
      link(workspace + "/h1", workspace + "/h2")
      try writeState("project", Array("demo".utf8))
      try writeState("managed", Self.managed)
    }

    /// More than a client may send before it hears from the agent, and none of it compressible.
    func addNoise() throws {
      var generator = SystemRandomNumberGenerator()
      for number in 0..<6 {
        let bytes = (0..<(25 << 10)).flatMap { _ in withUnsafeBytes(of: generator.next() as UInt64) { Array($0) } }
        try write("workspace/noise\(number)", bytes)
      }
    }

    func writeState(_ name: String, _ bytes: [UInt8]) throws { try write("workspace/.remote-build/" + name, bytes) }

    private func write(_ path: String, _ bytes: [UInt8]) throws {
      let file = try Disk.open(AT_FDCWD, Array("\(top)/\(path)".utf8), O_WRONLY | O_CREAT | O_TRUNC, path: path)
      defer { close(file) }
      guard fchmod(file, 0o644) == 0 else { throw Errno(rawValue: errno) }
      try Disk.write(file, bytes, path)
    }

    /// Nothing beside the workspace was touched, nor what a link leads to.
    func expectNothingOutside() throws {
      let names = try Self.names(top)
      try Expect.that(names == ["outside", "workspace"], "beside the workspace there is \(names.sorted())")
      let inner = try Self.names(top + "/outside")
      try Expect.that(inner == ["secret"], "outside of the workspace there is \(inner)")
      let secret = FileManager.default.contents(atPath: top + "/outside/secret")
      try Expect.that(secret == Data("secret".utf8), "a file outside of the workspace was changed")
      var status = stat()
      try Expect.that(
        lstat(top + "/outside/secret", &status) == 0 && status.st_mode & 0o7777 == 0o644 && status.st_nlink == 1,
        "a file outside of the workspace has other permissions or a further name")
    }

    private static func names(_ path: String) throws -> Set<String> {
      let directory = try Disk.open(AT_FDCWD, Array(path.utf8), O_RDONLY | O_DIRECTORY, path: path)
      defer { close(directory) }
      return Set(try Disk.names(directory, path).map { TreePath.text($0) })
    }

    /// What stands in the workspace, the state aside: by path, the kind, permissions and what it holds.
    func listing() throws -> [String: String] {
      try everything().filter { !$0.key.hasPrefix(".remote-build") }
    }

    /// How many files hold what is the host's own, wherever they stand: below `.remote-build/saved` too.
    func hostFiles() throws -> Int {
      let digest = "\(Digest.sha256(of: Self.own))"
      return try everything().count {
        ($0.key.hasPrefix(".remote-build/saved/") || !$0.key.hasPrefix(".remote-build")) && $0.value.hasSuffix(digest)
      }
    }

    private func everything() throws -> [String: String] {
      let root = try Disk.open(AT_FDCWD, Array(workspace.utf8), O_RDONLY | O_DIRECTORY, path: workspace)
      defer { close(root) }
      var found: [String: String] = [:]
      try list(root, "", &found)
      return found
    }

    private func list(_ directory: Int32, _ prefix: String, _ found: inout [String: String]) throws {
      for name in try Disk.names(directory, prefix) {
        let path = prefix + TreePath.text(name)
        guard let stamp = try Disk.stamp(directory, name) else { continue }
        var text = "\(stamp.kind) \(String(stamp.permissions, radix: 8))"
        switch stamp.kind {
        case .directory:
          let inner = try Disk.open(directory, name, O_RDONLY | O_DIRECTORY, path: path)
          defer { close(inner) }
          try list(inner, path + "/", &found)
        case .symlink: text += " \(try Disk.target(directory, name, path))"
        case .file:
          let file = try Disk.open(directory, name, O_RDONLY, path: path)
          defer { close(file) }
          text += " \(stamp.size) \(Digest.sha256(of: try Disk.read(file, at: 0, 4096, path)))"
        case .other: break
        }
        found[path] = text
      }
    }
  }
#endif
