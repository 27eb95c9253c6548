// SPDX-License-Identifier: Apache-2.0

/// A tag: a letter, digit or underscore, then up to 127 letters, digits, `.`, `_` and `-`.
public struct Tag: Hashable, Sendable, Comparable, CustomStringConvertible {
  public let description: String

  /// - Throws: ``RegistryError`` with code `invalidReference`.
  public init(_ text: String) throws(RegistryError) {
    let first = text.utf8.first.map { $0.isLetterOrDigit || $0 == UInt8(ascii: "_") } ?? false
    let rest = text.utf8.dropFirst().allSatisfy {
      $0.isLetterOrDigit || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-")
    }
    guard first, rest, text.utf8.count <= 128 else {
      throw RegistryError(
        .invalidReference, "“\(text.shownSafely)” is not a tag",
        hint: "use up to 128 letters, digits, . _ and -, the first a letter, digit or _")
    }
    description = text
  }

  init(unchecked text: String) { description = text }

  /// Whether the tag is the same in every registry: Gitea stores tags in lower case, so that `V1` and `v1` are one.
  public var isLowercase: Bool { !description.utf8.contains(where: \.isUppercaseLetter) }

  /// - Throws: ``RegistryError`` with code `invalidReference` and the lower-case spelling, unless it is lower-case.
  public func requireLowercase() throws(RegistryError) {
    guard !isLowercase else { return }
    throw RegistryError(
      .invalidReference, "the tag “\(description)” has capital letters, and some registries fold them",
      hint: "write “\(description.lowercased())”")
  }

  public static func < (left: Tag, right: Tag) -> Bool { left.description < right.description }
}
