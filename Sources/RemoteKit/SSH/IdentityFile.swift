// SPDX-License-Identifier: Apache-2.0

internal import Crypto
internal import CryptoExtras
internal import Foundation
internal import SystemPackage

/// A private key in a file, as far as it can be read without its passphrase.
struct IdentityFile: Sendable {
  let path: FilePath
  /// The public half: OpenSSH's format holds it in the clear, for others it may stand in `PATH.pub`.
  let publicKey: HostKey?
  let isEncrypted: Bool
  private let content: Content

  private enum Content: Sendable {
    case container(OpenSSHContainer)
    case pem(String)
  }

  enum Problem: Error, Hashable {
    case missing
    case unreadable
    case notAKey
    /// The public half of a key that an agent may hold.
    case publicKey(HostKey)
    case wrongPassphrase
    /// What cannot be used.
    case unsupported(String)
    /// What cannot be read here, but perhaps by libssh2.
    case foreign(String)
  }

  init(_ path: FilePath) throws(Problem) {
    guard FileManager.default.fileExists(atPath: path.string) else { throw .missing }
    guard let data = FileManager.default.contents(atPath: path.string) else { throw .unreadable }
    self.path = path
    let text = String(decoding: data, as: UTF8.self)
    guard text.contains("PRIVATE KEY-----") else {
      if let key = Self.publicKey(in: text) { throw .publicKey(key) }
      throw .notAKey
    }
    if text.contains("-----BEGIN OPENSSH PRIVATE KEY-----") {
      let body = text.split(whereSeparator: \.isNewline).filter { !$0.hasPrefix("-----") }.joined()
      guard let decoded = Data(base64Encoded: body), let container = OpenSSHContainer(Array(decoded)) else {
        throw .notAKey
      }
      (isEncrypted, publicKey, content) = (container.isEncrypted, container.publicKey, .container(container))
    } else {
      isEncrypted = text.contains("ENCRYPTED")
      content = .pem(text)
      publicKey =
        Self.publicHalf(of: path) ?? (isEncrypted ? nil : Self.der(of: text).flatMap { PrivateKey(der: $0)?.publicKey })
    }
  }

  /// - Parameter passphrase: of no matter where the key is not encrypted.
  func privateKey(passphrase: String) throws(Problem) -> PrivateKey {
    switch content {
    case .container(let container):
      do throws(OpenSSHContainer.Problem) {
        return try container.privateKey(passphrase: passphrase)
      } catch {
        switch error {
        case .wrongPassphrase: throw .wrongPassphrase
        case .damaged: throw .notAKey
        case .unsupported(let what): throw .unsupported(what)
        }
      }
    case .pem(let text):
      guard isEncrypted else {
        guard let der = Self.der(of: text), let key = PrivateKey(der: der) else {
          throw .foreign("PEM of this kind")
        }
        return key
      }
      // Encrypted PEM is read for RSA alone, and swift-crypto stops the program at characters that are not ASCII.
      let isRSA = text.contains("BEGIN RSA PRIVATE KEY") || publicKey?.type == "ssh-rsa"
      guard passphrase.utf8.allSatisfy({ $0 < 0x80 }) else {
        let what = "encrypted PEM with a passphrase beyond ASCII"
        throw isRSA ? .unsupported(what) : .foreign(what)
      }
      guard
        let key = try? _RSA.Signing.PrivateKey(
          encryptedPEMRepresentation: text, passphraseCallback: { set in set(Array(passphrase.utf8)) })
      else { throw isRSA ? .wrongPassphrase : .foreign("encrypted PEM of this kind") }
      return .rsa(key)
    }
  }

  private static func der(of text: String) -> Data? {
    let lines = text.split(whereSeparator: \.isNewline)
    guard let start = lines.firstIndex(where: { $0.hasPrefix("-----BEGIN ") && $0.hasSuffix("PRIVATE KEY-----") }),
      let end = lines[start...].firstIndex(where: { $0.hasPrefix("-----END ") })
    else { return nil }
    return Data(base64Encoded: lines[(start + 1)..<end].joined())
  }

  /// What stands in `PATH.pub`.
  static func publicHalf(of path: FilePath) -> HostKey? {
    guard let data = FileManager.default.contents(atPath: path.string + ".pub") else { return nil }
    return publicKey(in: String(decoding: data, as: UTF8.self))
  }

  private static func publicKey(in text: String) -> HostKey? {
    let fields = text.split { $0.isWhitespace }
    guard fields.count >= 2, let key = HostKey(base64: fields[1]), key.type == fields[0] else { return nil }
    return key
  }
}
