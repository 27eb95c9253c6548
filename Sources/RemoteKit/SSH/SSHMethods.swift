// SPDX-License-Identifier: Apache-2.0

internal import CLibSSH2

/// What a session offers the server, best first: what the SSH configuration allows, in its order, of what is safe with
/// libssh2. What is not named is not used, since memory errors and Terrapin are in the methods that are left out
/// (docs/security.md).
struct SSHMethods: Hashable, Sendable {
  var hostKeyTypes: [String]
  var keyExchanges = Self.allowedKeyExchanges
  var ciphers = Self.allowedCiphers
  var macs = Self.allowedMACs

  /// Post-quantum first, for versions that have it.
  private static let allowedKeyExchanges = [
    "mlkem768x25519-sha256", "curve25519-sha256", "curve25519-sha256@libssh.org", "ecdh-sha2-nistp256",
    "ecdh-sha2-nistp384", "ecdh-sha2-nistp521", "diffie-hellman-group16-sha512", "diffie-hellman-group14-sha256",
  ]
  private static let allowedCiphers = ["aes128-ctr", "aes256-ctr", "aes192-ctr"]
  private static let allowedMACs = ["hmac-sha2-256", "hmac-sha2-512"]

  init(hostKeyTypes: [String]) { self.hostKeyTypes = hostKeyTypes }

  /// - Parameter hostKeys: the types of host key to ask for; they keep their order, since known_hosts decides it.
  /// Throws ``RemoteError/Code/unsupported`` where the configuration leaves nothing that libssh2 can do.
  init(_ resolution: HostResolution, hostKeys wanted: [String], host: String) throws(RemoteError) {
    func allowed(_ keyword: String) -> [String]? {
      resolution.values[keyword].map { $0.flatMap { $0.split(separator: ",").map(String.init) } }
    }
    func common(_ option: String, _ ours: [String]) throws(RemoteError) -> [String] {
      guard let theirs = allowed(option.lowercased()) else { return ours }
      return try some(theirs.filter(ours.contains), option, theirs)
    }
    func some(_ common: [String], _ option: String, _ theirs: [String]) throws(RemoteError) -> [String] {
      guard common.isEmpty else { return common }
      throw RemoteError(
        .unsupported, host: host,
        "\(option) of the ssh configuration allows nothing that is used with libssh2: \(theirs.joined(separator: ","))",
        hint: OptionSupport.hint)
    }
    hostKeyTypes = wanted
    if let theirs = allowed("hostkeyalgorithms") {
      hostKeyTypes = try some(wanted.filter(theirs.contains), "HostKeyAlgorithms", theirs)
    }
    keyExchanges = try common("KexAlgorithms", Self.allowedKeyExchanges)
    ciphers = try common("Ciphers", Self.allowedCiphers)
    macs = try common("MACs", Self.allowedMACs)
  }

  /// Asks `session` for them. libssh2 passes over the names that it does not know.
  func prefer(in session: OpaquePointer) {
    for (method, names) in [
      (LIBSSH2_METHOD_KEX, keyExchanges), (LIBSSH2_METHOD_HOSTKEY, hostKeyTypes),
      (LIBSSH2_METHOD_CRYPT_CS, ciphers), (LIBSSH2_METHOD_CRYPT_SC, ciphers),
      (LIBSSH2_METHOD_MAC_CS, macs), (LIBSSH2_METHOD_MAC_SC, macs),
    ] { libssh2_session_method_pref(session, method, names.joined(separator: ",")) }
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
