// SPDX-License-Identifier: Apache-2.0

/// Finds credentials in URLs: a build argument's value stands in the image's history for everyone to read.
public enum URLCredentials {
  /// Whether a URL in `text` holds a password, or, for HTTP, any user: a token is often written as one.
  public static func stand(in text: String) -> Bool {
    var rest = Substring(text)
    while let separator = rest.firstRange(of: "://") {
      let scheme = rest[..<separator.lowerBound].lowercased()
      rest = rest[separator.upperBound...]
      let authority = rest.prefix { !"/?#\"'".contains($0) && !$0.isWhitespace }
      guard let at = authority.lastIndex(of: "@") else { continue }
      let isWeb = scheme.hasSuffix("http") || scheme.hasSuffix("https")
      if isWeb || authority[..<at].contains(":") { return true }
    }
    return false
  }
}
