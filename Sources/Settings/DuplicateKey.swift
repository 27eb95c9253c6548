// SPDX-License-Identifier: Apache-2.0

internal import Yams

/// A key that stands twice in one mapping. Yams tells where it stands first, and a person wants to mend the second.
struct DuplicateKey {
  let second: Mark

  /// Renames the key at `first`, without moving anything, and reads again. `nil` where that does not show the second.
  init?(first: Mark, in text: String) {
    guard let renamed = Self.renaming(first, in: text) else { return nil }
    do {
      guard let root = try Yams.compose(yaml: renamed.text),
        let mark = Self.mark(of: renamed.key, beside: first, in: root)
      else { return nil }
      second = mark
    } catch YamlError.duplicatedKeysInMapping(let keys, let context) where keys.first.map(renamed.isKey) == true {
      // It stands there three times.
      second = context.mark
    } catch {
      return nil
    }
  }

  private struct Renamed {
    var text: String
    /// The key's first character, which another one stands for now.
    var key: Unicode.Scalar

    func isKey(_ text: String) -> Bool { text.unicodeScalars.first == key }
  }

  /// Of private use: no key begins with it.
  private static let stranger: Unicode.Scalar = "\u{e000}"

  private static func renaming(_ mark: Mark, in text: String) -> Renamed? {
    var scalars = Array(text.unicodeScalars)
    var (line, start) = (1, 0)
    for (index, scalar) in scalars.enumerated() where line < mark.line && scalar == "\n" {
      (line, start) = (line + 1, index + 1)
    }
    var place = start + mark.column - 1
    guard line == mark.line, scalars.indices.contains(place) else { return nil }
    if ["'", "\""].contains(scalars[place]) { place += 1 }
    guard scalars.indices.contains(place) else { return nil }
    let key = scalars[place]
    scalars[place] = stranger
    var renamed = String.UnicodeScalarView()
    renamed.append(contentsOf: scalars)
    return Renamed(text: String(renamed), key: key)
  }

  /// The place of the key that the one at `first` was, in its mapping.
  private static func mark(of key: Unicode.Scalar, beside first: Mark, in node: Node) -> Mark? {
    switch node {
    case .mapping(let pairs):
      let keys = pairs.map(\.key)
      if let changed = keys.first(where: { $0.mark?.line == first.line && $0.mark?.column == first.column })?.string {
        let name = String(key) + String(changed.unicodeScalars.dropFirst())
        return keys.first { $0.string == name }?.mark
      }
      return pairs.lazy.compactMap { mark(of: key, beside: first, in: $0.value) }.first
    case .sequence(let items): return items.lazy.compactMap { mark(of: key, beside: first, in: $0) }.first
    default: return nil
    }
  }
}
