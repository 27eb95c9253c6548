// SPDX-License-Identifier: Apache-2.0

import Foundation
import SystemPackage
import Testing

@testable import Sync

/// Compares two trees by a program of its own, which shares nothing with what is tested: names as bytes, kinds,
/// permissions, times to the nanosecond, contents, links' targets and hard links.
///
/// What only a host has is no difference where its name begins with ``hostOnly``, nor is a directory that holds nothing
/// else.
final class TreeComparison: @unchecked Sendable {
  // `@unchecked`: used by one test, which awaits each comparison.
  static let hostOnly = "hostonly-"

  private let process = Process()
  private let input = Pipe()
  private let output = Pipe()
  private var unread: [UInt8] = []

  init() throws {
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["python3", "-c", Self.program]
    process.standardInput = input
    process.standardOutput = output
    try process.run()
  }

  // Not by closing its input, of which an agent that was started meanwhile may have a copy.
  deinit { process.terminate() }

  /// One line for each difference.
  func differences(_ laptop: String, _ host: String) async throws -> [String] {
    try await Threads.run { try self.ask(laptop, host) }
  }

  private func ask(_ laptop: String, _ host: String) throws -> [String] {
    try input.fileHandleForWriting.write(contentsOf: Data("\(laptop)\t\(host)\n".utf8))
    var lines: [String] = []
    while true {
      while let end = unread.firstIndex(of: UInt8(ascii: "\n")) {
        let line = String(decoding: unread[..<end], as: UTF8.self)
        unread.removeFirst(end + 1)
        if line == "." { return lines }
        lines.append(line)
      }
      let more = output.fileHandleForReading.availableData
      guard !more.isEmpty else { throw Errno.brokenPipe }
      unread += more
    }
  }

  private static let program = #"""
    import hashlib, os, stat, sys

    def walk(root):
        tree, groups = {}, {}
        def visit(directory, prefix):
            for name in os.listdir(directory):
                if not prefix and name == b".remote-build":
                    continue
                full, path = directory + b"/" + name, prefix + name
                status = os.lstat(full)
                item = {"mode": oct(status.st_mode), "mtime": status.st_mtime_ns}
                if stat.S_ISDIR(status.st_mode):
                    visit(full, path + b"/")
                elif stat.S_ISLNK(status.st_mode):
                    item["target"] = os.readlink(full)
                elif stat.S_ISREG(status.st_mode):
                    item["size"] = status.st_size
                    with open(full, "rb") as file:
                        item["sha256"] = hashlib.sha256(file.read()).hexdigest()
                    groups.setdefault((status.st_dev, status.st_ino), []).append(path)
                tree[path] = item
        visit(root, b"")
        for paths in groups.values():
            for path in paths:
                tree[path]["links"] = sorted(paths) if len(paths) > 1 else []
        return tree

    def compare(laptop, host):
        left, right = walk(laptop), walk(host)
        # What is the host's alone, and the directories that hold nothing else.
        def own(path):
            return path.rsplit(b"/", 1)[-1].startswith(b"hostonly-")
        extra = {path for path in right if path not in left}
        for path in sorted(extra, key=len, reverse=True):
            inner = [other for other in right if other.startswith(path + b"/")]
            if any(own(part) for part in [path] + path.split(b"/")):
                continue
            if stat.S_ISDIR(int(right[path]["mode"], 8)) and any(
                own(part) for other in inner for part in other.split(b"/")) and all(other in extra for other in inner):
                continue
            yield f"only on the host: {path!r} {right[path]}"
        for path, item in sorted(left.items()):
            if path not in right:
                yield f"only on the laptop: {path!r} {item}"
            elif item != right[path]:
                yield f"{path!r}: {item} on the laptop, {right[path]} on the host"

    for line in sys.stdin.buffer:
        laptop, host = line.rstrip(b"\n").split(b"\t")
        try:
            for difference in compare(laptop, host):
                print(difference)
        except OSError as error:
            print("cannot compare:", error)
        print(".", flush=True)
    """#
}

extension Fixture {
  /// Records an issue for what differs between the laptop's tree and the host's.
  func expectEqualTrees(sourceLocation: SourceLocation = #_sourceLocation) async throws {
    let differences = try await TreeComparison().differences(laptop, host)
    #expect(differences == [], sourceLocation: sourceLocation)
  }
}
