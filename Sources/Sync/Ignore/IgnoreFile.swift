// SPDX-License-Identifier: Apache-2.0

/// An ignore file's lines as patterns, read as Docker reads a `.dockerignore`: `#` at the very start of a line begins
/// a comment, white space around a pattern goes, paths are cleaned lexically, and one leading `/` means nothing.
///
/// The rules are those of moby's patternmatcher, package `ignorefile`.
struct IgnoreFile {
  let patterns: [[UInt8]]

  init(_ contents: [UInt8]) {
    let mark: [UInt8] = [0xef, 0xbb, 0xbf]
    let text = contents.starts(with: mark) ? contents[3...] : contents[...]
    patterns = text.split(separator: UInt8(ascii: "\n")).compactMap { Self.pattern(Array($0)) }
  }

  private static func pattern(_ line: [UInt8]) -> [UInt8]? {
    if line.first == UInt8(ascii: "#") { return nil }
    var pattern = trimmed(line)
    guard !pattern.isEmpty else { return nil }
    let exception = pattern[0] == UInt8(ascii: "!")
    if exception { pattern = trimmed(Array(pattern[1...])) }
    if !pattern.isEmpty {
      pattern = cleaned(pattern)
      if pattern.count > 1 && pattern[0] == TreePath.slash { pattern.removeFirst() }
    }
    return exception ? [UInt8(ascii: "!")] + pattern : pattern
  }

  /// Without white space, in Unicode's sense, at both ends.
  static func trimmed(_ bytes: [UInt8]) -> [UInt8] {
    var view = String(decoding: bytes, as: UTF8.self).unicodeScalars[...]
    // Bytes that are no UTF-8 would be replaced by decoding, so only the counts of what goes are taken from the text.
    var start = 0
    while let first = view.first, first.properties.isWhitespace {
      start += UTF8.width(first)
      view.removeFirst()
    }
    var end = bytes.count
    while let last = view.last, last.properties.isWhitespace {
      end -= UTF8.width(last)
      view.removeLast()
    }
    return start < end ? Array(bytes[start..<end]) : []
  }

  /// The shortest path that means the same: without empty parts and `.`, and with each `..` and what it takes back
  /// resolved. The empty path is `.`.
  static func cleaned(_ path: [UInt8]) -> [UInt8] {
    let rooted = path.first == TreePath.slash
    var parts: [ArraySlice<UInt8>] = []
    let up = [TreePath.dot, TreePath.dot][...]
    for part in path.split(separator: TreePath.slash) where part != [TreePath.dot] {
      if part == up {
        if let last = parts.last, last != up { parts.removeLast() } else if !rooted { parts.append(part) }
      } else {
        parts.append(part)
      }
    }
    let joined = Array(parts.joined(separator: [TreePath.slash]))
    if rooted { return [TreePath.slash] + joined }
    return joined.isEmpty ? [TreePath.dot] : joined
  }
}

extension UTF8 {
  fileprivate static func width(_ scalar: Unicode.Scalar) -> Int { UTF8.encode(scalar)!.count }
}
