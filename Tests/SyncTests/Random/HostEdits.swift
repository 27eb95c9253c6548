// SPDX-License-Identifier: Apache-2.0

import Foundation

@testable import Sync

/// What someone does on the host between two pushes, and what of it must not be lost.
struct HostEdits {
  var generator: SeededGenerator
  let tree: RawTree
  /// Contents that must be found on the host, in place or saved aside.
  private(set) var precious: Set<[UInt8]> = []
  private(set) var log: [String] = []
  private var count = 0

  init(_ seed: UInt64, _ root: String) {
    generator = SeededGenerator(seed)
    tree = RawTree(root: root)
  }

  private mutating func token(_ kind: String) -> [UInt8] {
    count += 1
    return Array("\(kind) of the host \(count)".utf8)
  }

  private mutating func note(_ what: String, _ path: [UInt8]) {
    log.append("on the host: \(what) \(TreePath.text(path).debugDescription)")
  }

  private func managed() throws -> [RawTree.Place] {
    let own = Array(TreeComparison.hostOnly.utf8)
    return try tree.places { $0 != TreePath.stateDirectory && !$0.starts(with: own) }
  }

  /// Edits some paths. A path that the laptop makes meanwhile, and that is free on the host, is one of `wanted`.
  mutating func edit(_ edits: Int, wanted: [[UInt8]]) throws {
    log = []
    for _ in 0..<edits {
      let places = try managed()
      guard !places.isEmpty else { return }
      let place = generator.pick(places)
      switch generator.below(8) {
      case 0, 1: try editFile(places)
      case 2: try addOwn(places)
      case 3: try takePlace(of: wanted)
      case 4:
        // What nobody edited is no loss; what is the host's own is left alone.
        guard try isHarmless(place) else { continue }
        try tree.remove(place.path)
        note("delete", place.path)
      case 5:
        guard place.kind != .symlink else { continue }
        try tree.chmod(place.path, generator.pick([0o600, 0o755, 0o700, 0o777]))
        note("chmod", place.path)
      case 6: try breakLink(place)
      default:
        guard try isHarmless(place) else { continue }
        try tree.remove(place.path)
        if generator.oneIn(2) || place.isDirectory {
          try tree.makeLink(place.path, to: Array("/nowhere".utf8))
        } else {
          try tree.makeDirectory(place.path)
        }
        note("change the kind of", place.path)
      }
    }
  }

  private mutating func editFile(_ places: [RawTree.Place]) throws {
    let files = places.filter { $0.kind == .file }
    guard !files.isEmpty else { return }
    let path = generator.pick(files).path
    guard try !precious.contains(tree.bytes(path)) else { return }
    let bytes = token("an edit")
    try tree.write(path, bytes)
    precious.insert(bytes)
    note("edit", path)
  }

  /// A file that only the host has. The directory's time stays: nobody repairs that one.
  private mutating func addOwn(_ places: [RawTree.Place]) throws {
    let directory = generator.pick([[]] + places.filter(\.isDirectory).map(\.path))
    let time = try tree.stamp(directory)?.modified ?? 0
    let bytes = token("a file")
    let path = RawTree.join(directory, Array("\(TreeComparison.hostOnly)\(count)".utf8))
    try tree.write(path, bytes)
    try tree.setModified(directory, time)
    precious.insert(bytes)
    note("add", path)
  }

  private mutating func takePlace(of wanted: [[UInt8]]) throws {
    let places = try managed()
    let directories = Set(places.filter(\.isDirectory).map(\.path) + [[]])
    let taken = Set(places.map(\.path))
    let free = wanted.filter { directories.contains(TreePath(unchecked: $0).parent) && !taken.contains($0) }
    guard !free.isEmpty else { return }
    let path = generator.pick(free)
    let bytes = token("a stranger")
    try tree.write(path, bytes)
    precious.insert(bytes)
    note("add in the way", path)
  }

  private mutating func breakLink(_ place: RawTree.Place) throws {
    guard place.kind == .file, let stamp = try tree.stamp(place.path) else { return }
    let bytes = try tree.bytes(place.path)
    let time = try tree.stamp(place.parent)?.modified ?? 0
    try tree.remove(place.path)
    try tree.write(place.path, bytes)
    try tree.chmod(place.path, mode_t(stamp.permissions))
    try tree.setModified(place.path, stamp.modified)
    try tree.setModified(place.parent, time)
    note("break the links of", place.path)
  }

  /// Whether nothing goes with a path that must not.
  private func isHarmless(_ place: RawTree.Place) throws -> Bool {
    let lost = try tree.places().filter { $0.path == place.path || TreePath(unchecked: $0.path).isBelow(place.path) }
    return try !lost.contains { try $0.kind == .file && precious.contains(tree.bytes($0.path)) }
  }

  /// What is nowhere on the host any more.
  func lost() throws -> [String] {
    var missing = precious
    for place in try tree.places() where place.kind == .file {
      if let size = try tree.stamp(place.path)?.size, size < 100 { missing.remove(try tree.bytes(place.path)) }
    }
    return missing.map { String(decoding: $0, as: UTF8.self) }.sorted()
  }
}
