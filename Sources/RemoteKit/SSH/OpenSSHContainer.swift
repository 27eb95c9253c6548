// SPDX-License-Identifier: Apache-2.0

internal import Crypto
internal import CryptoExtras
internal import Foundation

/// OpenSSH's own format of a private key (its PROTOCOL.key), which `ssh-keygen` writes unless told otherwise.
struct OpenSSHContainer: Sendable {
  let publicKey: HostKey
  let cipher: String
  private let derivation: String
  private let options: [UInt8]
  private let content: [UInt8]

  var isEncrypted: Bool { cipher != "none" }

  enum Problem: Error, Hashable {
    case wrongPassphrase
    case damaged
    case unsupported(String)
  }

  /// `nil` where `bytes`, the text's base64, is not that format, or holds several keys.
  init?(_ bytes: [UInt8]) {
    let magic = Array("openssh-key-v1\0".utf8)
    guard bytes.starts(with: magic) else { return nil }
    var reader = SSHBlobReader(Array(bytes.dropFirst(magic.count)))
    guard let cipher = reader.readText(), let derivation = reader.readText(), let options = reader.readString(),
      reader.readUInt32() == 1, let blob = reader.readString(), let content = reader.readString()
    else { return nil }
    (self.cipher, self.derivation, self.options, self.content) = (cipher, derivation, options, content)
    publicKey = HostKey(blob: blob)
  }

  /// - Parameter passphrase: of no matter where the key is not encrypted.
  func privateKey(passphrase: String) throws(Problem) -> PrivateKey {
    var reader = SSHBlobReader(try decrypted(passphrase))
    guard let first = reader.readUInt32(), let second = reader.readUInt32(), first == second else {
      throw isEncrypted ? .wrongPassphrase : .damaged
    }
    guard let type = reader.readText() else { throw .damaged }
    do {
      switch type {
      case "ssh-ed25519":
        // The seed, and the public half once more.
        guard reader.readString() != nil, let both = reader.readString(), both.count == 64 else {
          throw Problem.damaged
        }
        return .ed25519(try Curve25519.Signing.PrivateKey(rawRepresentation: both[..<32]))
      case "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521":
        guard reader.readString() != nil, reader.readString() != nil, let scalar = reader.readNumber() else {
          throw Problem.damaged
        }
        switch type {
        case "ecdsa-sha2-nistp256": return .p256(try P256.Signing.PrivateKey(rawRepresentation: try padded(scalar, 32)))
        case "ecdsa-sha2-nistp384": return .p384(try P384.Signing.PrivateKey(rawRepresentation: try padded(scalar, 48)))
        default: return .p521(try P521.Signing.PrivateKey(rawRepresentation: try padded(scalar, 66)))
        }
      case "ssh-rsa":
        guard let n = reader.readNumber(), let e = reader.readNumber(), let d = reader.readNumber(),
          reader.readNumber() != nil, let p = reader.readNumber(), let q = reader.readNumber()
        else { throw Problem.damaged }
        guard n.count * 8 >= 2048 else { throw Problem.unsupported("RSA keys of less than 2048 bits") }
        return .rsa(try _RSA.Signing.PrivateKey(n: n, e: e, d: d, p: p, q: q))
      default: throw Problem.unsupported("keys of type \(type)")
      }
    } catch let problem as Problem {
      throw problem
    } catch {
      throw .damaged
    }
  }

  private func padded(_ number: [UInt8], _ count: Int) throws -> [UInt8] {
    guard number.count <= count else { throw Problem.damaged }
    return Array(repeating: 0, count: count - number.count) + number
  }

  private func decrypted(_ passphrase: String) throws(Problem) -> [UInt8] {
    guard isEncrypted else { return content }
    let parts = cipher.split(separator: "-")
    guard derivation == "bcrypt", parts.count == 2, parts[1] == "ctr" || parts[1] == "cbc",
      let bits = ["aes128": 128, "aes192": 192, "aes256": 256][parts[0]]
    else { throw .unsupported("keys encrypted with \(cipher)") }
    var reader = SSHBlobReader(options)
    // Ten million would keep a processor busy for hours.
    guard let salt = reader.readString(), let rounds = reader.readUInt32(), (1...10_000).contains(rounds) else {
      throw .damaged
    }
    let material = BcryptKDF.key(
      passphrase: Array(passphrase.utf8), salt: salt, count: bits / 8 + 16, rounds: rounds)
    let key = SymmetricKey(data: material[..<(bits / 8)])
    let start = material[(bits / 8)...]
    do {
      if parts[1] == "ctr" {
        return Array(try AES._CTR.decrypt(content, using: key, nonce: AES._CTR.Nonce(nonceBytes: start)))
      }
      return Array(try AES._CBC.decrypt(content, using: key, iv: AES._CBC.IV(ivBytes: start), noPadding: true))
    } catch {
      throw .damaged
    }
  }
}
