// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import SystemPackage

/// A private key in a file, as far as it can be read without its passphrase.
struct IdentityFile: Sendable {
  let path: FilePath
  /// The public half: OpenSSH's format holds it in the clear, for others it may stand in `PATH.pub`.
  let publicKey: HostKey?
  let isEncrypted: Bool

  enum Problem: Error, Hashable {
    case missing
    case unreadable
    case notAKey
  }

  init(_ path: FilePath) throws(Problem) {
    guard FileManager.default.fileExists(atPath: path.string) else { throw .missing }
    guard let data = FileManager.default.contents(atPath: path.string) else { throw .unreadable }
    self.path = path
    let text = String(decoding: data, as: UTF8.self)
    guard text.contains("PRIVATE KEY-----") else { throw .notAKey }
    if text.contains("-----BEGIN OPENSSH PRIVATE KEY-----") {
      let body = text.split(whereSeparator: \.isNewline).filter { !$0.hasPrefix("-----") }.joined()
      guard let decoded = Data(base64Encoded: body), let parts = Self.parse(Array(decoded)) else {
        throw .notAKey
      }
      (isEncrypted, publicKey) = (parts.cipher != "none", parts.key)
    } else {
      isEncrypted = text.contains("ENCRYPTED")
      publicKey = Self.publicHalf(of: path)
    }
  }

  /// PROTOCOL.key of OpenSSH: magic, cipher, kdf, its options, the count of keys, the public key.
  private static func parse(_ bytes: [UInt8]) -> (cipher: String, key: HostKey)? {
    let magic = Array("openssh-key-v1\0".utf8)
    guard bytes.starts(with: magic) else { return nil }
    var reader = SSHBlobReader(Array(bytes.dropFirst(magic.count)))
    guard let cipher = reader.readText(), reader.readString() != nil, reader.readString() != nil,
      let count = reader.readUInt32(), count == 1, let blob = reader.readString()
    else { return nil }
    return (cipher, HostKey(blob: blob))
  }

  static func publicHalf(of path: FilePath) -> HostKey? {
    guard let data = FileManager.default.contents(atPath: path.string + ".pub") else { return nil }
    let fields = String(decoding: data, as: UTF8.self).split(separator: " ")
    return fields.count >= 2 ? HostKey(base64: fields[1].filter { !$0.isNewline }) : nil
  }
}
