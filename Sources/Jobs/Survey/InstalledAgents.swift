// SPDX-License-Identifier: Apache-2.0

internal import SystemPackage
internal import Vocabulary

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// The agents in this user's home directory, each in a directory that its SHA-256 names.
struct InstalledAgents {
  private let directory: FilePath

  init(_ environment: HostEnvironment) {
    directory = FilePath(environment.home).appending(".cache/remote-build/agents")
  }

  /// All of them, the one that was used last first.
  func list() -> [InstalledAgent] {
    let running = Self.runningPrograms()
    return ((try? SmallFile.names(in: directory)) ?? []).filter(Self.isDigest).compactMap { name in
      let path = directory.appending(name)
      var facts = stat()
      guard lstat(path.string, &facts) == 0, facts.st_mode & S_IFMT == S_IFDIR else { return nil }
      return InstalledAgent(
        digest: name, size: TreeSize.of(path), used: Double(facts.st_mtim.tv_sec),
        isRunning: running.contains { $0.contains("/agents/\(name)/") })
    }
    .sorted { ($0.used, $0.digest) > ($1.used, $1.digest) }
  }

  /// Removes all but the `most` that were used last and those that run, supervisors of jobs among them.
  /// - Returns: what was removed, or would be.
  func prune(keeping most: Int, isDry: Bool) -> [InstalledAgent] {
    let old = list().dropFirst(max(1, most)).filter { !$0.isRunning }
    if !isDry { for agent in old { SmallFile.removeTree(directory.appending(agent.digest)) } }
    return Array(old)
  }

  private static func isDigest(_ name: String) -> Bool {
    name.utf8.count == 64 && name.utf8.allSatisfy { (48...57).contains($0) || (97...102).contains($0) }
  }

  /// What every process that this user may look at runs.
  private static func runningPrograms() -> [String] {
    ((try? SmallFile.names(in: "/proc")) ?? []).filter { Int32($0) != nil }.compactMap { pid in
      var buffer = [CChar](repeating: 0, count: 4096)
      let count = readlink("/proc/\(pid)/exe", &buffer, buffer.count)
      return count > 0 ? String(decoding: buffer.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self) : nil
    }
  }
}

/// What a directory and all that it holds take on the disk.
enum TreeSize {
  static func of(_ path: FilePath) -> ByteCount {
    var facts = stat()
    guard lstat(path.string, &facts) == 0 else { return .zero }
    var size = ByteCount(Int64(facts.st_blocks) * 512)
    guard facts.st_mode & S_IFMT == S_IFDIR else { return size }
    for name in (try? SmallFile.names(in: path)) ?? [] { size += of(path.appending(name)) }
    return size
  }
}
