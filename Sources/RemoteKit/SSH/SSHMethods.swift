// SPDX-License-Identifier: Apache-2.0

internal import CLibSSH2

/// The methods that a session asks for: what libssh2 has of them, in this order. What is not named is not used, since
/// memory errors and Terrapin are in the methods that are left out (docs/security.md).
struct SSHMethods: Hashable, Sendable {
  var hostKeyTypes: [String]
  /// Post-quantum first, for versions that have it.
  var keyExchanges = [
    "mlkem768x25519-sha256", "curve25519-sha256", "curve25519-sha256@libssh.org", "ecdh-sha2-nistp256",
    "ecdh-sha2-nistp384", "ecdh-sha2-nistp521", "diffie-hellman-group16-sha512", "diffie-hellman-group14-sha256",
  ]
  var ciphers = ["aes128-ctr", "aes256-ctr", "aes192-ctr"]
  var macs = ["hmac-sha2-256", "hmac-sha2-512"]

  init(hostKeyTypes: [String]) { self.hostKeyTypes = hostKeyTypes }

  /// Asks `session` for them. libssh2 passes over the names that it does not know.
  func prefer(in session: OpaquePointer) {
    libssh2_session_method_pref(session, LIBSSH2_METHOD_KEX, keyExchanges.joined(separator: ","))
    libssh2_session_method_pref(session, LIBSSH2_METHOD_HOSTKEY, hostKeyTypes.joined(separator: ","))
    for direction in [LIBSSH2_METHOD_CRYPT_CS, LIBSSH2_METHOD_CRYPT_SC] {
      libssh2_session_method_pref(session, direction, ciphers.joined(separator: ","))
    }
    for direction in [LIBSSH2_METHOD_MAC_CS, LIBSSH2_METHOD_MAC_SC] {
      libssh2_session_method_pref(session, direction, macs.joined(separator: ","))
    }
  }

  /// The same, less what this libssh2 does not have.
  func supported(by session: OpaquePointer) -> SSHMethods {
    func known(_ kind: CInt, _ names: [String]) -> [String] {
      var list: UnsafeMutablePointer<UnsafePointer<CChar>?>?
      let count = libssh2_session_supported_algs(session, kind, &list)
      guard count > 0, let list else { return [] }
      defer { libssh2_free(session, list) }
      let all = Set((0..<Int(count)).compactMap { list[$0].map { String(cString: $0) } })
      return names.filter(all.contains)
    }
    var methods = self
    methods.hostKeyTypes = known(LIBSSH2_METHOD_HOSTKEY, hostKeyTypes)
    methods.keyExchanges = known(LIBSSH2_METHOD_KEX, keyExchanges)
    methods.ciphers = known(LIBSSH2_METHOD_CRYPT_CS, ciphers)
    methods.macs = known(LIBSSH2_METHOD_MAC_CS, macs)
    return methods
  }
}
