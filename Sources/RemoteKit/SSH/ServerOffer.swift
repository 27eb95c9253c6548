// SPDX-License-Identifier: Apache-2.0

/// What a server offers in the first packet that it sends (RFC 4253, section 7.1), in the clear. libssh2 keeps it to
/// itself, also where nothing in it suits.
struct ServerOffer: Hashable, Sendable {
  /// Bytes in which the packet must lie, with the lines before it.
  static let limit = 64 << 10

  var software = ""
  var keyExchanges: [String] = []
  var hostKeyTypes: [String] = []
  var ciphers: [String] = []
  var macs: [String] = []

  /// - Parameter bytes: the first of what the server sent. `nil` where the packet is not whole, or is none.
  init?(_ bytes: [UInt8]) {
    var rest = bytes[...]
    while true {
      guard let end = rest.firstIndex(of: UInt8(ascii: "\n")) else { return nil }
      let line = String(decoding: rest[..<end], as: UTF8.self)
      rest = rest[(end + 1)...]
      if line.hasPrefix("SSH-") {
        software = line.trimmingSuffix { $0.isNewline }
        break
      }
    }
    var reader = SSHBlobReader(Array(rest))
    guard let length = reader.readUInt32(), length < Self.limit, reader.readByte() != nil, reader.readByte() == 20,
      reader.skip(16), let keyExchanges = reader.readText(), let hostKeyTypes = reader.readText(),
      let sent = reader.readText(), reader.readString() != nil, let macs = reader.readText()
    else { return nil }
    func list(_ text: String) -> [String] { text.split(separator: ",").map(String.init) }
    self.keyExchanges = list(keyExchanges).filter { !$0.hasPrefix("kex-strict-") && $0 != "ext-info-s" }
    (self.hostKeyTypes, ciphers, self.macs) = (list(hostKeyTypes), list(sent), list(macs))
  }

  /// What has no match in `asked`, in words; empty where all have one.
  func mismatches(_ asked: SSHMethods) -> [String] {
    var lines: [String] = []
    func compare(_ what: String, _ offered: [String], _ wanted: [String]) {
      guard Set(offered).isDisjoint(with: wanted) else { return }
      lines.append("\(what): the server offers \(offered.joined(separator: ", ")) alone")
    }
    compare("host key", hostKeyTypes, asked.hostKeyTypes)
    compare("key exchange", keyExchanges, asked.keyExchanges)
    compare("cipher", ciphers, asked.ciphers)
    compare("MAC", macs, asked.macs)
    return lines
  }
}

extension String {
  fileprivate func trimmingSuffix(while predicate: (Character) -> Bool) -> String {
    var text = self[...]
    while let last = text.last, predicate(last) { text.removeLast() }
    return String(text)
  }
}
