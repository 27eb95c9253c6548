// SPDX-License-Identifier: Apache-2.0

import Foundation
import SystemPackage
import Vocabulary
import Wire

@testable import Sync

#if canImport(Glibc)
  import Glibc
#endif

/// A laptop's workspace and a host's copy, each in a temporary directory, and an agent over a pair of sockets.
final class Fixture: Sendable {
  let top: String
  let locks = HeldLocks()

  var laptop: String { top + "/laptop" }
  var host: String { top + "/host" }
  var cache: FilePath { FilePath(top + "/stat-cache") }
  var ancestors: AncestorStore { AncestorStore(directory: FilePath(top + "/ancestors")) }

  init() throws {
    var template = Array((NSTemporaryDirectory() + "/remote-build-sync-XXXXXX").utf8CString)
    guard mkdtemp(&template) != nil else { throw Errno(rawValue: errno) }
    top = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    try FileManager.default.createDirectory(atPath: top + "/laptop", withIntermediateDirectories: false)
  }

  deinit {
    locks.releaseAll()
    try? FileManager.default.removeItem(atPath: top)
  }

  /// Writes a file, its directories included, with a modification time long ago unless `age` says other.
  func write(_ path: String, _ text: String, in root: String? = nil, age: Int64? = 1_000) throws {
    try write(path, Array(text.utf8), in: root, age: age)
  }

  func write(_ path: String, _ bytes: [UInt8], in root: String? = nil, age: Int64? = 1_000) throws {
    let full = (root ?? laptop) + "/" + path
    let directory = (full as NSString).deletingLastPathComponent
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    guard FileManager.default.createFile(atPath: full, contents: nil) else { throw Errno(rawValue: errno) }
    let file = open(full, O_WRONLY | O_TRUNC)
    guard file >= 0 else { throw Errno(rawValue: errno) }
    defer { close(file) }
    try Disk.write(file, bytes, full)
    if let age { try Disk.setModified(file, FileStamp.now() - age * 1_000_000_000, full) }
  }

  func remove(_ path: String, in root: String? = nil) throws {
    try FileManager.default.removeItem(atPath: (root ?? laptop) + "/" + path)
  }

  func text(_ path: String, in root: String? = nil) -> String? {
    (try? Data(contentsOf: URL(fileURLWithPath: (root ?? host) + "/" + path))).map {
      String(decoding: $0, as: UTF8.self)
    }
  }

  func exists(_ path: String, in root: String? = nil) -> Bool {
    var status = stat()
    return lstat((root ?? host) + "/" + path, &status) == 0
  }

  /// What stands at a path; throws where nothing does.
  func status(_ path: String, in root: String? = nil) throws -> stat {
    var status = stat()
    guard lstat((root ?? host) + "/" + path, &status) == 0 else { throw Errno(rawValue: errno) }
    return status
  }

  func inode(_ path: String, in root: String? = nil) throws -> UInt64 { UInt64(try status(path, in: root).st_ino) }

  func rename(_ old: String, _ new: String, in root: String? = nil) throws {
    let root = root ?? laptop
    guard Glibc.rename(root + "/" + old, root + "/" + new) == 0 else { throw Errno(rawValue: errno) }
  }

  /// Gives a file another name.
  func link(_ old: String, _ new: String, in root: String? = nil) throws {
    let root = root ?? laptop
    guard Glibc.link(root + "/" + old, root + "/" + new) == 0 else { throw Errno(rawValue: errno) }
  }

  func bytes(_ path: String, in root: String? = nil) throws -> [UInt8] {
    Array(try Data(contentsOf: URL(fileURLWithPath: (root ?? laptop) + "/" + path)))
  }

  func scan(_ contexts: [ImageContext] = []) async throws -> Scan {
    try await WorkspaceScanner(root: FilePath(laptop), contexts: contexts, cacheFile: cache).scan()
  }

  static let options = PushOptions(owner: "ada@laptop", project: "demo")

  func push(
    _ options: PushOptions = Fixture.options, contexts: [ImageContext] = [], ancestors: AncestorStore? = nil,
    to host: String? = nil
  ) async throws -> PushReport {
    let scan = try await scan(contexts)
    let push = WorkspacePush(
      scan: scan, host: "host-1", call: PushCall(workspace: host ?? self.host, options: options),
      ancestors: ancestors ?? self.ancestors)
    return try await withAgent { try await push.run(over: $0) }
  }

  /// Runs `body` as the client of an agent that serves this room, and ends the agent.
  func withAgent<Value: Sendable>(_ body: (FrameConnection) async throws -> Value) async throws -> Value {
    let (left, right) = try DescriptorStream.pair()
    var table = ServiceTable()
    SyncServices.add(to: &table, locks: locks)
    let served = table
    let agent = Task {
      let connection = FrameConnection(right)
      let hello = Hello(version: "test", machine: "x86_64", home: "/", clock: 0)
      let result: Result<Void, any Error>
      do {
        try await served.serve(connection, hello: hello)
        result = .success(())
      } catch {
        result = .failure(error)
      }
      await connection.close()
      return result
    }
    let client = FrameConnection(left)
    do {
      _ = try await client.receiveHello()
      let value = try await body(client)
      await client.close()
      _ = await agent.value
      return value
    } catch {
      await client.close()
      _ = await agent.value
      throw error
    }
  }

  /// What stands below a directory, the workspace's state aside: each path, as bytes since texts equal under Unicode's
  /// rules are not the same name, with its kind, permissions, time and content.
  func listing(_ root: String) throws -> [[UInt8]: String] {
    let descriptor = open(root, O_RDONLY | O_DIRECTORY)
    guard descriptor >= 0 else { throw Errno(rawValue: errno) }
    defer { close(descriptor) }
    var listing: [[UInt8]: String] = [:]
    try list(descriptor, TreePath(unchecked: []), &listing)
    return listing
  }

  private func list(_ directory: Int32, _ path: TreePath, _ listing: inout [[UInt8]: String]) throws {
    for name in try Disk.names(directory, path.description) where name != TreePath.stateDirectory {
      let child = path.appending(name)
      guard let stamp = try Disk.stamp(directory, name) else { continue }
      var line = "\(stamp.kind) \(String(stamp.permissions, radix: 8)) "
      switch stamp.kind {
      case .directory:
        let inner = try Disk.open(directory, name, O_RDONLY | O_DIRECTORY, path: "")
        defer { close(inner) }
        try list(inner, child, &listing)
        line += "\(stamp.modified)"
      case .symlink: line += TreePath.text(try Disk.target(directory, name, "")) + " \(stamp.modified)"
      case .file:
        let file = try Disk.open(directory, name, O_RDONLY, path: "")
        defer { close(file) }
        line += "\(try ContentHasher.read(file, "").content.digest) \(stamp.modified)"
      case .other: break
      }
      listing[child.bytes] = line
    }
  }
}

extension Scan {
  /// All that is managed, which a test's tree is small enough for.
  var entries: [TreeEntry] {
    get throws {
      var entries: [TreeEntry] = []
      try snapshot.visit { entries.append($0.entry) }
      return entries
    }
  }
}

/// A snapshot of these entries, in no file that has a name.
func snapshot(_ entries: [TreeEntry]) throws -> Snapshot {
  let scratch = try Scratch()
  let writer = try SnapshotWriter(scratch.descriptor, nil, path: "a tree")
  for entry in entries { try writer.append(StampedEntry(entry: entry, stamp: nil)) }
  return try writer.finish()
}

/// The code of the `ServiceFailure` that `body` throws; another error is thrown on.
func refusal(_ body: () async throws -> Void) async throws -> (code: String, failure: ServiceFailure)? {
  do {
    try await body()
    return nil
  } catch let failure as ServiceFailure {
    return (failure.code, failure)
  }
}
