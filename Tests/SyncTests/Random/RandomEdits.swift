// SPDX-License-Identifier: Apache-2.0

import Foundation

@testable import Sync

/// Edits of a laptop's workspace that come again with the same seed.
struct RandomEdits {
  var generator: SeededGenerator
  let tree: RawTree
  /// So many entries, and the tree grows no more.
  var most = 120
  /// One of so many new files is a big one.
  var bigFiles = 25
  /// What was done, for whoever repeats it.
  private(set) var log: [String] = []

  private static let names: [[UInt8]] =
    [
      "a", "b", "c", "src", "lib", "x", "x.y", "x-y", "A", "main.py", "-rf", " ", "e\u{301}", "\u{e9}", "new\nline",
      "*",
      "back\\slash", "\"", "#", "!no", "~", ".hidden", "tab\there", "project", "\u{1f600}",
    ].map { Array($0.utf8) } + [[0x66, 0xff, 0xfe], [0x80], [UInt8](repeating: 0x6e, count: 255), [0x01], [0x7f]]

  init(_ seed: UInt64, _ root: String) {
    generator = SeededGenerator(seed)
    tree = RawTree(root: root)
  }

  mutating func edit(_ count: Int) throws {
    log = []
    for _ in 0..<count { try editOnce() }
  }

  private mutating func editOnce() throws {
    let places = try tree.places()
    guard !places.isEmpty else { return try create(places) }
    if places.count > most { return try delete(generator.pick(places)) }
    switch generator.below(20) {
    case 0...5: try create(places)
    case 6: try delete(generator.pick(places))
    case 7, 8: try rename(generator.pick(places), places)
    case 9: try rename(generator.pick(places.filter(\.isDirectory) + [places[0]]), places)
    case 10: try changeKind(generator.pick(places))
    case 11: try swap(places)
    case 12: try link(places)
    case 13: try touch(generator.pick(places))
    case 14: try changeMode(generator.pick(places))
    case 15: try copy(places)
    default: try change(places)
    }
  }

  private mutating func note(_ what: String, _ paths: [UInt8]...) {
    log.append(([what] + paths.map { TreePath.text($0).debugDescription }).joined(separator: " "))
  }

  // MARK: - What is new

  /// A path where nothing stands, in a directory that is there.
  private mutating func freePath(_ places: [RawTree.Place]) throws -> [UInt8]? {
    let directories = [[]] + places.filter(\.isDirectory).map(\.path)
    for _ in 0..<5 {
      let path = RawTree.join(generator.pick(directories), generator.pick(Self.names))
      if path.count < 1500, try tree.stamp(path) == nil { return path }
    }
    return nil
  }

  private mutating func create(_ places: [RawTree.Place]) throws {
    guard let path = try freePath(places) else { return }
    try make(path)
  }

  private mutating func make(_ path: [UInt8]) throws {
    switch generator.below(8) {
    case 0, 1:
      try tree.makeDirectory(path)
      note("mkdir", path)
    case 2:
      let targets = Self.names + [Array("../../etc".utf8), Array("/nowhere at all".utf8)]
      try tree.makeLink(path, to: generator.pick(targets))
      note("symlink", path)
    default:
      try tree.write(path, content())
      note("write", path)
      if !generator.oneIn(3) { try touch(RawTree.Place(path: path, kind: .file)) }
    }
  }

  private mutating func content() -> [UInt8] {
    if generator.oneIn(bigFiles) {
      let size = generator.pick([262_143, 262_144, 262_145, 400_000, 1_000_000, 2_500_000])
      if generator.oneIn(4) { return [UInt8](repeating: 0, count: size) + [1] }
      return generator.noise(size)
    }
    // Some are equal to others, some are empty.
    if generator.oneIn(4) { return Array("content \(generator.below(5))".utf8) }
    return generator.noise(generator.oneIn(8) ? generator.below(60_000) : generator.below(500))
  }

  // MARK: - What changes

  private mutating func change(_ places: [RawTree.Place]) throws {
    let files = places.filter { $0.kind == .file }
    guard !files.isEmpty else { return }
    let path = generator.pick(files).path
    var bytes = try tree.bytes(path)
    let stamp = try tree.stamp(path)
    switch generator.below(5) {
    case 0: bytes += generator.noise(1 + generator.below(1000))
    case 1: bytes = Array(bytes.prefix(bytes.isEmpty ? 0 : generator.below(bytes.count)))
    case 2: bytes = generator.noise(1 + generator.below(50)) + bytes
    case 3: if !bytes.isEmpty { bytes[generator.below(bytes.count)] ^= 1 }
    default: bytes = content()
    }
    if generator.oneIn(3) {
      // As an editor saves: another file under the same name.
      try tree.remove(path)
    }
    try tree.write(path, bytes)
    // The time that it had: only its size or its ctime tell.
    if generator.oneIn(4), let stamp { try tree.setModified(path, stamp.modified) }
    note("change", path)
  }

  private mutating func delete(_ place: RawTree.Place) throws {
    try tree.remove(place.path)
    note("delete", place.path)
  }

  private mutating func changeKind(_ place: RawTree.Place) throws {
    try tree.remove(place.path)
    try make(place.path)
    note("  in place of", place.path)
  }

  private mutating func rename(_ place: RawTree.Place, _ places: [RawTree.Place]) throws {
    let isOver = generator.oneIn(4)
    let others = places.filter { $0.kind == place.kind && !$0.isDirectory && $0.path != place.path }
    guard let target = isOver && !others.isEmpty ? generator.pick(others).path : try freePath(places) else { return }
    guard !TreePath(unchecked: target).isBelow(place.path), target != place.path else { return }
    try tree.rename(place.path, target)
    note("rename", place.path, target)
  }

  private mutating func swap(_ places: [RawTree.Place]) throws {
    let (left, right) = (generator.pick(places).path, generator.pick(places).path)
    let (leftPath, rightPath) = (TreePath(unchecked: left), TreePath(unchecked: right))
    guard left != right, !leftPath.isBelow(rightPath), !rightPath.isBelow(leftPath) else { return }
    let spare = Array("spare".utf8)
    try tree.rename(left, spare)
    try tree.rename(right, left)
    try tree.rename(spare, right)
    note("swap", left, right)
  }

  private mutating func link(_ places: [RawTree.Place]) throws {
    let files = places.filter { $0.kind == .file }
    guard !files.isEmpty, let path = try freePath(places) else { return }
    let file = generator.pick(files).path
    try tree.link(file, path)
    note("link", file, path)
  }

  private mutating func copy(_ places: [RawTree.Place]) throws {
    let files = places.filter { $0.kind == .file }
    guard !files.isEmpty, let path = try freePath(places) else { return }
    let file = generator.pick(files).path
    try tree.write(path, try tree.bytes(file))
    note("copy", file, path)
  }

  private mutating func touch(_ place: RawTree.Place) throws {
    let times: [Int64] = [-1, 0, 1_600_000_000_000_000_000, 4_000_000_000_000_000_000]
    let time = generator.pick(times) + Int64(generator.below(1_000_000_000))
    try tree.setModified(place.path, time)
    note("touch", place.path)
  }

  private mutating func changeMode(_ place: RawTree.Place) throws {
    if place.kind == .symlink { return }
    let modes: [mode_t] = [0o644, 0o600, 0o755, 0o444, 0o400, 0o777, 0o4755, 0o2755, 0o1777, 0o700]
    try tree.chmod(place.path, generator.pick(modes))
    note("chmod", place.path)
  }
}
