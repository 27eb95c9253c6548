// SPDX-License-Identifier: Apache-2.0

/// A path inside a workspace: bytes, parts separated by `/`, neither absolute nor with `.` or `..`.
///
/// Paths are ordered as a walk meets them that visits each directory's names in the order of their bytes: what lies
/// below a directory follows it at once.
public struct TreePath: Hashable, Sendable, Comparable, CustomStringConvertible {
  public let bytes: [UInt8]

  /// Takes bytes that were checked, or that came from a directory listing.
  init(unchecked bytes: [UInt8]) { self.bytes = bytes }

  /// Throws ``SyncError`` with `badTree` for a path that could lead elsewhere, and for the workspace's own directory
  /// of state.
  public init(_ bytes: [UInt8]) throws {
    self.bytes = bytes
    if let why = bytes.withUnsafeBufferPointer({ Self.refusal($0) }) { throw refused(why) }
  }

  /// Takes a path that shares its first bytes with one that was checked, so that only the rest needs a look.
  init(_ bytes: [UInt8], checkedUpTo shared: Int) throws {
    self.bytes = bytes
    let why = bytes.withUnsafeBufferPointer { buffer in
      var first = shared
      while first > 0 && buffer[first - 1] != Self.slash { first -= 1 }
      return Self.refusal(buffer, from: first)
    }
    if let why { throw refused(why) }
  }

  /// Why no tree may hold a path; `nil` for one that it may.
  /// - Parameter first: where a part begins before which all was checked.
  private static func refusal(_ bytes: UnsafeBufferPointer<UInt8>, from first: Int = 0) -> String? {
    guard bytes.count < 4096 else { return "too long" }
    var start = first
    for index in first...bytes.count {
      if index < bytes.count && bytes[index] != slash {
        if bytes[index] == 0 { return "with a NUL byte" }
        continue
      }
      let part = UnsafeBufferPointer(rebasing: bytes[start..<index])
      switch part.count {
      case 0: return "absolute or with an empty part"
      case 1: if part[0] == dot { return "with '.' or '..'" }
      case 2: if part[0] == dot && part[1] == dot { return "with '.' or '..'" }
      case 256...: return "with a part of more than 255 bytes"
      default: if start == 0 && part.elementsEqual(stateDirectory) { return "in the workspace's own state" }
      }
      start = index + 1
    }
    return nil
  }

  public init(_ text: String) throws { try self.init(Array(text.utf8)) }

  static let slash = UInt8(ascii: "/")
  static let dot = UInt8(ascii: ".")

  /// The name of the directory that holds a workspace's state on a host, and is never part of a tree.
  static let stateDirectory = Array(".remote-build".utf8)

  private func refused(_ why: String) -> SyncError {
    SyncError(.badTree, "refused a path \(why): \(self)", path: description)
  }

  /// The path of the directory that holds this; empty at the top.
  var parent: [UInt8] {
    guard let end = bytes.lastIndex(of: Self.slash) else { return [] }
    return Array(bytes[..<end])
  }

  /// The last part.
  var name: [UInt8] {
    guard let end = bytes.lastIndex(of: Self.slash) else { return bytes }
    return Array(bytes[(end + 1)...])
  }

  func appending(_ name: [UInt8]) -> TreePath {
    TreePath(unchecked: bytes.isEmpty ? name : bytes + [Self.slash] + name)
  }

  /// Whether this lies below `other`; everything lies below the empty path.
  func isBelow(_ other: [UInt8]) -> Bool {
    if other.isEmpty { return !bytes.isEmpty }
    return bytes.count > other.count && bytes[other.count] == Self.slash && bytes.starts(with: other)
  }

  func isBelow(_ other: TreePath) -> Bool { isBelow(other.bytes) }

  public static func < (left: TreePath, right: TreePath) -> Bool {
    left.bytes.withUnsafeBufferPointer { left in
      right.bytes.withUnsafeBufferPointer { right in
        let count = min(left.count, right.count)
        var index = 0
        while index < count && left[index] == right[index] { index += 1 }
        guard index < count else { return left.count < right.count }
        // A name ends before any byte of a longer one, so the separator sorts lowest.
        if left[index] == slash { return true }
        if right[index] == slash { return false }
        return left[index] < right[index]
      }
    }
  }

  /// The path as text; bytes that are no UTF-8 show as `\xNN`.
  public var description: String { Self.text(bytes) }

  static func text(_ bytes: [UInt8]) -> String {
    if let text = String(validating: bytes, as: UTF8.self) { return text }
    var text = ""
    for byte in bytes {
      if byte < 0x80 {
        text.unicodeScalars.append(Unicode.Scalar(byte))
      } else {
        text += "\\x" + String(byte, radix: 16)
      }
    }
    return text
  }
}
