// SPDX-License-Identifier: Apache-2.0

internal import Crypto
internal import Foundation

/// A public key as SSH writes it: a type and its numbers in one blob.
struct HostKey: Hashable, Sendable {
  let blob: [UInt8]

  /// Such as `ssh-ed25519`; empty where the blob is no key.
  var type: String {
    var reader = SSHBlobReader(blob)
    return reader.readText() ?? ""
  }

  init(blob: [UInt8]) { self.blob = blob }

  /// From the base64 of a known_hosts line or a `.pub` file.
  init?(base64: some StringProtocol) {
    guard let data = Data(base64Encoded: String(base64)) else { return nil }
    blob = Array(data)
    if type.isEmpty { return nil }
  }

  var base64: String { Data(blob).base64EncodedString() }

  /// `SHA256:…` without padding, as `ssh-keygen -l` prints it.
  var fingerprint: String {
    let text = Data(SHA256.hash(data: blob)).base64EncodedString()
    return "SHA256:" + text.prefix { $0 != "=" }
  }
}
