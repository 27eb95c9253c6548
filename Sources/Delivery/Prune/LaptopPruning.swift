// SPDX-License-Identifier: Apache-2.0

internal import SystemPackage
internal import Vocabulary

#if canImport(FoundationEssentials)
  internal import FoundationEssentials
#else
  internal import Foundation
#endif

/// Tidies up this machine's own state: records of builds, and trees of hosts that nothing was pushed to for long.
struct LaptopPruning: Sendable {
  let directories: StateDirectory
  let limits: PruneLimits
  let now: Date

  /// So many records stay whatever their age.
  private static let mostRecords = 20

  func run(isDry: Bool) -> [PruneRow] {
    let builds = directories.state.appending("builds")
    // A build's id sorts by its time.
    let records = Self.names(in: builds).filter(ULID.isValid).sorted().dropLast(Self.mostRecords)
    let trees = Self.names(in: directories.ancestors).filter { $0.hasSuffix(".tree") }
    return [
      remove(.records, records.map { builds.appending($0) }, isDry),
      // Which host a tree is of does not stand in it: one that is gone, or left, is known by its age alone. A tree that is
      // missed costs one more round trip.
      remove(.trees, trees.map { directories.ancestors.appending($0) }, isDry),
    ]
  }

  private func remove(_ kind: PruneRow.Kind, _ paths: [FilePath], _ isDry: Bool) -> PruneRow {
    let limit = now.addingTimeInterval(-limits.seconds)
    var (names, size) = ([String](), ByteCount.zero)
    for path in paths.sorted(by: { $0.string < $1.string }) {
      guard let changed = Self.newestChange(path), changed <= limit else { continue }
      let weight = Self.size(path)
      if !isDry {
        do { try FileManager.default.removeItem(atPath: path.string) } catch { continue }
      }
      names.append(path.lastComponent?.string ?? "")
      size += weight
    }
    return PruneRow(kind, names: names, size: size, isDone: !isDry)
  }

  private static func names(in directory: FilePath) -> [String] {
    (try? FileManager.default.contentsOfDirectory(atPath: directory.string)) ?? []
  }

  /// Of the file, or of the newest file in the directory: a log that is still written to is not old.
  private static func newestChange(_ path: FilePath) -> Date? {
    ([path] + names(in: path).map { path.appending($0) }).compactMap {
      (try? FileManager.default.attributesOfItem(atPath: $0.string))?[.modificationDate] as? Date
    }.max()
  }

  private static func size(_ path: FilePath) -> ByteCount {
    let own = (try? FileManager.default.attributesOfItem(atPath: path.string))?[.size] as? Int
    return names(in: path).reduce(ByteCount(own ?? 0)) { $0 + size(path.appending($1)) }
  }
}
