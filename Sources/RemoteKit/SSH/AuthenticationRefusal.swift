// SPDX-License-Identifier: Apache-2.0

/// SSH_MSG_USERAUTH_FAILURE (RFC 4252, section 5.1): the ways to log in that may go on, and whether the attempt was
/// one step of several that the server wants.
///
/// libssh2 tells neither, so ``SSHEngine`` looks at the packet when libssh2 frees it. To ask instead (`none`) would cost
/// a round trip after each attempt, and servers count it as one more failure of the few that they allow.
struct AuthenticationRefusal: Hashable, Sendable {
  var ways: [String]
  var isPartialSuccess: Bool

  /// `nil` where the bytes, which may be followed by others, are no such packet.
  init?(packet: UnsafeRawBufferPointer) {
    guard packet.count >= 6, packet[0] == 51 else { return nil }
    let count = packet[1..<5].reduce(0) { $0 << 8 | Int($1) }
    guard count <= packet.count - 6, count < 4096, packet[5 + count] <= 1 else { return nil }
    let names = packet[5..<(5 + count)]
    guard names.allSatisfy({ (0x21...0x7e).contains($0) }) else { return nil }
    ways = names.split(separator: UInt8(ascii: ",")).map { String(decoding: $0, as: UTF8.self) }
    isPartialSuccess = packet[5 + count] == 1
  }

  init(ways: [String]) { (self.ways, isPartialSuccess) = (ways, false) }
}
