// SPDX-License-Identifier: Apache-2.0

/// The grammar of a registry's address, `host[:port]`, and of the references that begin with one.
enum RegistryAddress {
  /// `text` in lower case where it is an address, else `nil`: a scheme, a path, a user are none, nor is a bare word other
  /// than `localhost`, which in a reference would be read as an owner on `docker.io`.
  static func normalized(_ text: String) -> String? {
    let address = text.lowercased()
    guard address.contains(".") || address.contains(":") || address == "localhost" else { return nil }
    var host = Substring(address)
    if address.hasPrefix("[") {
      guard let end = address.firstIndex(of: "]") else { return nil }
      let inner = address[address.index(after: address.startIndex)..<end]
      guard inner.contains(":"), inner.unicodeScalars.allSatisfy({ isHexDigit($0) || $0 == ":" || $0 == "." }) else {
        return nil
      }
      let rest = address[address.index(after: end)...]
      return rest.isEmpty || isPort(rest) ? address : nil
    }
    if let colon = host.firstIndex(of: ":") {
      guard isPort(host[colon...]) else { return nil }
      host = host[..<colon]
    }
    let labels = host.split(separator: ".", omittingEmptySubsequences: false)
    return labels.allSatisfy(isLabel) ? address : nil
  }

  private static func isPort(_ text: Substring) -> Bool {
    guard text.hasPrefix(":"), let port = UInt16(text.dropFirst()) else { return false }
    return port > 0 && text.dropFirst().unicodeScalars.allSatisfy { ("0"..."9").contains($0) }
  }

  private static func isLabel(_ label: Substring) -> Bool {
    let letters = label.unicodeScalars
    guard let first = letters.first, let last = letters.last, first != "-", last != "-" else { return false }
    return letters.allSatisfy { ("a"..."z").contains($0) || ("0"..."9").contains($0) || $0 == "-" }
  }

  private static func isHexDigit(_ scalar: Unicode.Scalar) -> Bool {
    ("0"..."9").contains(scalar) || ("a"..."f").contains(scalar)
  }
}
