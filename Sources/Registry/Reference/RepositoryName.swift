// SPDX-License-Identifier: Apache-2.0

/// A repository's name within its registry: lower-case components with slashes between, `harkon/base-ml`.
///
/// The grammar is that of the OCI distribution specification, "Pulling manifests": components of `[a-z0-9]+`, joined
/// within by `.`, `_`, `__` or any number of `-`; at most 255 characters.
public struct RepositoryName: Hashable, Sendable, Comparable, CustomStringConvertible {
  public let description: String

  /// - Throws: ``RegistryError`` with code `invalidReference`.
  public init(_ text: String) throws(RegistryError) {
    guard text.utf8.count <= 255 else {
      throw RegistryError(
        .invalidReference, "the repository's name “\(text.shownSafely)” is longer than 255 characters")
    }
    let components = text.split(separator: "/", omittingEmptySubsequences: false)
    guard components.allSatisfy({ Self.isComponent($0.utf8) }) else {
      throw RegistryError(
        .invalidReference, "“\(text.shownSafely)” is not a repository's name",
        hint: text.utf8.contains(where: \.isUppercaseLetter)
          ? "a repository's name is lower-case: “\(text.lowercased().shownSafely)”"
          : "use lower-case letters and digits, with single . _ or - between them, and / between the parts")
    }
    description = text
  }

  /// The parts joined: owner and image make `owner/image`. An owner may hold slashes of its own.
  public init(owner: String, image: String) throws(RegistryError) {
    try self.init(owner.isEmpty ? image : "\(owner)/\(image)")
  }

  private static func isComponent(_ bytes: Substring.UTF8View) -> Bool {
    var separator: [UInt8] = []
    var previousWasWord = false
    for byte in bytes {
      if byte.isLowercaseLetter || byte.isDigit {
        let allowed =
          separator.isEmpty || separator == Array(".".utf8) || separator == Array("_".utf8)
          || separator == Array("__".utf8) || separator.allSatisfy { $0 == UInt8(ascii: "-") }
        guard allowed else { return false }
        separator = []
        previousWasWord = true
      } else {
        guard previousWasWord, [UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-")].contains(byte) else {
          return false
        }
        separator.append(byte)
      }
    }
    return previousWasWord && separator.isEmpty
  }

  public static func < (left: RepositoryName, right: RepositoryName) -> Bool { left.description < right.description }
}
