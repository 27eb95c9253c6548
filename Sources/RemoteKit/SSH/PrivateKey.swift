// SPDX-License-Identifier: Apache-2.0

internal import Crypto
internal import CryptoExtras
internal import Foundation

/// A private key in memory that signs as SSH wants it.
enum PrivateKey: Sendable {
  case ed25519(Curve25519.Signing.PrivateKey)
  case p256(P256.Signing.PrivateKey)
  case p384(P384.Signing.PrivateKey)
  case p521(P521.Signing.PrivateKey)
  case rsa(_RSA.Signing.PrivateKey)

  /// - Parameter der: PKCS#8, or the older form of its kind (PKCS#1, SEC 1). `nil` where it is neither, or a kind of key
  ///   that is not known, or RSA of less than 2048 bits.
  init?(der: some RandomAccessCollection<UInt8>) {
    let bytes = Data(der)
    if let key = try? P256.Signing.PrivateKey(derRepresentation: bytes) {
      self = .p256(key)
    } else if let key = try? P384.Signing.PrivateKey(derRepresentation: bytes) {
      self = .p384(key)
    } else if let key = try? P521.Signing.PrivateKey(derRepresentation: bytes) {
      self = .p521(key)
    } else if let key = try? _RSA.Signing.PrivateKey(derRepresentation: bytes) {
      self = .rsa(key)
    } else if let key = try? Curve25519.Signing.PrivateKey(derRepresentation: bytes) {
      self = .ed25519(key)
    } else {
      return nil
    }
  }

  /// The public half as SSH writes it; `nil` where the numbers cannot be had.
  var publicKey: HostKey? {
    var writer = SSHBlobWriter()
    switch self {
    case .ed25519(let key):
      writer.write(Array("ssh-ed25519".utf8))
      writer.write(Array(key.publicKey.rawRepresentation))
    case .p256(let key): writer.write(curve: "nistp256", point: key.publicKey.x963Representation)
    case .p384(let key): writer.write(curve: "nistp384", point: key.publicKey.x963Representation)
    case .p521(let key): writer.write(curve: "nistp521", point: key.publicKey.x963Representation)
    case .rsa(let key):
      guard let numbers = try? key.publicKey.getKeyPrimitives() else { return nil }
      writer.write(Array("ssh-rsa".utf8))
      writer.write(number: Array(numbers.publicExponent))
      writer.write(number: Array(numbers.modulus))
    }
    return HostKey(blob: writer.bytes)
  }

  /// The bare signature of `data`, without the name of its algorithm (RFC 8709, 5656, 8332).
  /// - Parameter algorithm: for RSA keys `rsa-sha2-256` or `rsa-sha2-512`; SHA-1 is not signed with.
  func sign(_ data: [UInt8], algorithm: String) throws -> [UInt8] {
    switch self {
    case .ed25519(let key): return Array(try key.signature(for: data))
    case .p256(let key): return Self.pair(try key.signature(for: data).rawRepresentation)
    case .p384(let key): return Self.pair(try key.signature(for: data).rawRepresentation)
    case .p521(let key): return Self.pair(try key.signature(for: data).rawRepresentation)
    case .rsa(let key):
      let signature: _RSA.Signing.RSASignature
      switch algorithm {
      case "rsa-sha2-256": signature = try key.signature(for: SHA256.hash(data: data), padding: .insecurePKCS1v1_5)
      case "rsa-sha2-512": signature = try key.signature(for: SHA512.hash(data: data), padding: .insecurePKCS1v1_5)
      default: throw SigningFailure(description: "\(algorithm) is not signed with")
      }
      return Array(signature.rawRepresentation)
    }
  }

  /// ECDSA's two numbers, of one size each in `raw`.
  private static func pair(_ raw: Data) -> [UInt8] {
    let bytes = Array(raw)
    var writer = SSHBlobWriter()
    writer.write(number: Array(bytes[..<(bytes.count / 2)]))
    writer.write(number: Array(bytes[(bytes.count / 2)...]))
    return writer.bytes
  }
}

/// Why there is no signature.
struct SigningFailure: Error, CustomStringConvertible {
  var description: String
}

extension SSHBlobWriter {
  fileprivate mutating func write(curve: String, point: Data) {
    write(Array("ecdsa-sha2-\(curve)".utf8))
    write(Array(curve.utf8))
    write(Array(point))
  }
}
