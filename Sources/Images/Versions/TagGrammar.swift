// SPDX-License-Identifier: Apache-2.0

/// The grammars of names and tags in the OCI distribution specification ("Pulling manifests"), and what we ask beyond
/// them: tags are lower-case, since some registries store them so, and a version is never `latest`.
enum TagGrammar {
  /// Why `tag` cannot be a tag, as a sentence without its place; `nil` where it can.
  static func problem(with tag: String) -> String? {
    if tag.isEmpty { return "a tag must not be empty" }
    if tag.utf8.count > 128 { return "a tag has at most 128 characters, this one has \(tag.utf8.count)" }
    if let first = tag.unicodeScalars.first, first == "." || first == "-" {
      return "the tag '\(tag)' must begin with a letter, a digit or '_'"
    }
    for scalar in tag.unicodeScalars where !isTagScalar(scalar) {
      if ("A"..."Z").contains(scalar) {
        return "the tag '\(tag)' must be lower-case, since some registries store it so"
      }
      return "the tag '\(tag)' must consist of lower-case letters, digits, '.', '_' and '-'"
    }
    return nil
  }

  /// Why `version` cannot be the tag of a version.
  static func problem(withVersion version: String) -> String? {
    if version == "latest" { return "'latest' is never a version, since it moves; write one such as v1.0.0, or git" }
    return problem(with: version)
  }

  static func isTagScalar(_ scalar: Unicode.Scalar) -> Bool {
    isAlphanumeric(scalar) || scalar == "." || scalar == "_" || scalar == "-"
  }

  /// Whether `name` is one component of a repository's name: runs of lower-case letters and digits, joined by one `.`,
  /// one or two `_`, or any number of `-`.
  static func isComponent(_ name: some StringProtocol) -> Bool {
    var separator = ""
    var hasRun = false
    for scalar in name.unicodeScalars {
      if isAlphanumeric(scalar) {
        guard isSeparator(separator, first: !hasRun) else { return false }
        separator = ""
        hasRun = true
      } else {
        separator.unicodeScalars.append(scalar)
      }
    }
    return hasRun && separator.isEmpty
  }

  private static func isSeparator(_ text: String, first: Bool) -> Bool {
    if text.isEmpty { return true }
    if first { return false }
    return text == "." || text == "_" || text == "__" || text.unicodeScalars.allSatisfy { $0 == "-" }
  }

  private static func isAlphanumeric(_ scalar: Unicode.Scalar) -> Bool {
    ("a"..."z").contains(scalar) || ("0"..."9").contains(scalar)
  }
}
