// SPDX-License-Identifier: Apache-2.0

internal import Crypto

/// bcrypt_pbkdf, by which OpenSSH turns a passphrase into the key that a private key's file is encrypted with
/// (openbsd-compat/bcrypt_pbkdf.c of OpenSSH; there is no RFC). No library that is at hand has it.
enum BcryptKDF {
  /// - Parameters:
  ///   - count: bytes of key wanted.
  ///   - rounds: what a guess costs; OpenSSH writes 16 or 24.
  static func key(passphrase: [UInt8], salt: [UInt8], count: Int, rounds: Int) -> [UInt8] {
    let blocks = (count + 31) / 32
    let secret = Self.words(of: SHA512.hash(data: passphrase))
    var key = [UInt8](repeating: 0, count: count)
    for block in 1...max(1, blocks) {
      var message = SSHBlobWriter()
      message.write(UInt32(block))
      var last = hash(secret: secret, salt: words(of: SHA512.hash(data: salt + message.bytes)))
      var sum = last
      for _ in 1..<max(1, rounds) {
        last = hash(secret: secret, salt: words(of: SHA512.hash(data: last)))
        for index in sum.indices { sum[index] ^= last[index] }
      }
      // A block's bytes are spread over the key, so that no block gives a part of it away.
      for (index, byte) in sum.enumerated() {
        let position = index * blocks + block - 1
        if position < count { key[position] = byte }
      }
    }
    return key
  }

  private static func words(of bytes: some Sequence<UInt8>) -> [UInt32] {
    var words: [UInt32] = []
    for (index, byte) in bytes.enumerated() {
      if index % 4 == 0 { words.append(0) }
      words[words.count - 1] = words[words.count - 1] << 8 | UInt32(byte)
    }
    return words
  }

  private static func hash(secret: [UInt32], salt: [UInt32]) -> [UInt8] {
    let cipher = Blowfish()
    cipher.expand(key: secret, salt: salt)
    for _ in 0..<64 {
      cipher.expand(key: salt, salt: [])
      cipher.expand(key: secret, salt: [])
    }
    var text = words(of: "OxychromaticBlowfishSwatDynamite".utf8)
    for _ in 0..<64 {
      for index in stride(from: 0, to: text.count, by: 2) {
        var (left, right) = (text[index], text[index + 1])
        cipher.encrypt(&left, &right)
        (text[index], text[index + 1]) = (left, right)
      }
    }
    return text.flatMap { word in
      [0, 8, 16, 24].map { UInt8(truncatingIfNeeded: word >> $0) }
    }
  }
}
