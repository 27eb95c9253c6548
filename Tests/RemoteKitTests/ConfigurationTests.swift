// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization
import SystemPackage
import Testing

@testable import RemoteKit

/// What becomes of the options of the SSH configuration.
@Suite struct ConfigurationTests {
  private func connect(
    _ server: Sshd, _ transport: Host.Transport = .libssh2, _ options: ConnectionOptions? = nil
  ) async throws -> RemoteError? {
    do {
      let connection = try await HostConnection.connect(
        host: server.host(transport), options: options ?? server.options())
      await connection.close()
      return nil
    } catch {
      return error
    }
  }

  @Test func everyOptionOfThisSSHIsDecidedOn() async throws {
    let found = try await HostResolution.resolve(
      name: "x", user: nil, port: nil, configuration: "none", host: "h",
      environment: ["HOME": "/h", "PATH": ProcessInfo.processInfo.environment["PATH"] ?? ""])
    #expect(found.values.count > 60)
    #expect(found.values.keys.filter { OptionSupport.table[$0] == nil } == [])
    // And none of its defaults is anything to talk about.
    #expect(OptionSupport.findings(found) == OptionSupport.Findings())
  }

  /// A newer ssh knows more than we do.
  @Test func anUnknownOptionIsSaidWhereItIsSet() async throws {
    try await Sshd.with { server in
      try server.write(
        "ssh.text",
        "#!/bin/sh\ncase \"$*\" in *'-F none'*) v=default;; *) v=set;; esac\necho futureone $v\necho futuretwo default\nexec /usr/bin/ssh \"$@\"\n"
      )
      try FileManager.default.createDirectory(atPath: server.path("bin"), withIntermediateDirectories: false)
      try Sshd.run("install", "-m", "755", server.path("ssh.text"), server.path("bin/ssh"))
      let said = Mutex<[String]>([])
      var options = server.options(notice: { message in said.withLock { $0.append(message) } })
      options.environment["PATH"] = server.path("bin") + ":" + (options.environment["PATH"] ?? "")
      #expect(try await connect(server, .libssh2, options) == nil)
      #expect(
        said.withLock { $0 } == [
          "futureone of the ssh configuration is not known here, and not honoured with libssh2"
        ])
    }
  }

  @Test func theDocumentNamesThemAll() throws {
    let root = FilePath(#filePath).removingLastComponent().removingLastComponent().removingLastComponent()
    let text = try String(contentsOfFile: root.appending("docs/ssh.md").string, encoding: .utf8)
    var named: Set<String> = []
    let options = text.split(separator: "\n").drop { $0 != "## Options" }
    for line in options where line.hasPrefix("| ") {
      let cell = line.dropFirst(2).prefix { $0 != "|" }
      for (index, word) in cell.split(separator: "`", omittingEmptySubsequences: false).enumerated()
      where index % 2 == 1 { named.insert(word.lowercased()) }
    }
    let decided = Set(OptionSupport.table.keys)
    #expect(decided.subtracting(named).sorted() == [])
    #expect(named.subtracting(decided).sorted() == [])
  }

  @Test func whatCannotBeHonouredIsSaidByName() async throws {
    try await Sshd.with { server in
      try server.configure(
        """
        LocalForward 1 a:1
        SetEnv A=b
        SendEnv LANG LC_* MINE
        RekeyLimit 1G
        LocalCommand true
        KnownHostsCommand /bin/true
        ForwardAgent yes
        RemoteCommand true
        """)
      let said = Mutex<[String]>([])
      let options = server.options(notice: { message in said.withLock { $0.append(message) } })
      #expect(try await connect(server, .libssh2, options) == nil)
      let names = said.withLock { $0 }.map { $0.prefix { $0 != " " } }
      // LocalCommand is not permitted, so ssh would not run it either.
      #expect(names == ["KnownHostsCommand", "LocalForward", "RekeyLimit", "SendEnv", "SetEnv"])
      #expect(said.withLock { $0.allSatisfy { $0.contains("'transport: openssh' does") } })
    }
  }

  @Test(arguments: [
    ("RevokedHostKeys /dev/null", "RevokedHostKeys"),
    ("KexAlgorithms sntrup761x25519-sha512@openssh.com", "KexAlgorithms"),
    ("Ciphers aes256-gcm@openssh.com", "Ciphers"), ("MACs hmac-sha2-256-etm@openssh.com", "MACs"),
    ("HostKeyAlgorithms ssh-ed25519-cert-v01@openssh.com", "HostKeyAlgorithms"),
  ])
  func whatWouldWeakenIsRefused(line: String, name: String) async throws {
    try await Sshd.with { server in
      try server.configure(line)
      let error = try await connect(server)
      #expect(error?.code == .unsupported)
      #expect(error?.message.contains(name) ?? false)
      #expect(error?.hint?.contains("transport: openssh") ?? false)
    }
  }

  @Test func methodsAreThoseOfTheConfiguration() async throws {
    try await Sshd.with(extra: "LogLevel DEBUG1") { server in
      try server.configure(
        "Ciphers aes192-ctr,aes128-gcm@openssh.com\nMACs hmac-sha2-512\nKexAlgorithms ecdh-sha2-nistp384\nHostKeyAlgorithms ssh-ed25519"
      )
      #expect(try await connect(server) == nil)
      let log = try server.read("log")
      #expect(log.contains("kex: algorithm: ecdh-sha2-nistp384"))
      #expect(log.contains("kex: client->server cipher: aes192-ctr MAC: hmac-sha2-512"))
    }
  }

  @Test(arguments: Host.Transport.allCases)
  func hostKeyCheckingIsNeverOff(_ transport: Host.Transport) async throws {
    try await Sshd.with { server in
      for word in ["no", "off"] {
        try server.configure("StrictHostKeyChecking \(word)")
        let error = try await connect(server, transport, server.options(acceptNew: true))
        #expect(error?.code == .configuration)
        #expect(error?.message.contains("StrictHostKeyChecking no") ?? false)
        #expect(error?.hint?.contains("accept-new") ?? false)
      }
    }
  }

  @Test(arguments: Host.Transport.allCases)
  func newHostsAreAcceptedWhereTheConfigurationSaysSo(_ transport: Host.Transport) async throws {
    try await Sshd.with { server in
      try server.write("known_hosts", "")
      for word in ["yes", "ask"] {
        try server.configure("StrictHostKeyChecking \(word)")
        #expect(try await connect(server, transport)?.code == .unknownHostKey)
      }
      try server.configure("StrictHostKeyChecking accept-new")
      #expect(try await connect(server, transport) == nil)
      #expect(try server.read("known_hosts").contains("[127.0.0.1]:\(server.port) ssh-ed25519 "))
      // A changed key is not a new one.
      try server.write("known_hosts", "[127.0.0.1]:\(server.port) " + (try server.read("id.pub")))
      #expect(try await connect(server, transport)?.code == .changedHostKey)
    }
  }

  @Test(arguments: Host.Transport.allCases)
  func severalFilesOfKnownHostsAndAGlobalOne(_ transport: Host.Transport) async throws {
    try await Sshd.with { server in
      let key = try server.read("host.pub")
      try server.write("known_hosts", "")
      try server.write("more", "other " + key)
      try server.configure("UserKnownHostsFile \(server.path("none")) \(server.path("more"))\nHostKeyAlias other")
      #expect(try await connect(server, transport) == nil)
      try server.configure("UserKnownHostsFile none\nGlobalKnownHostsFile \(server.path("more"))\nHostKeyAlias other")
      #expect(try await connect(server, transport) == nil)
      try server.configure("UserKnownHostsFile none\nGlobalKnownHostsFile \(server.path("more"))")
      #expect(try await connect(server, transport)?.code == .unknownHostKey)
    }
  }

  @Test(arguments: Host.Transport.allCases)
  func theAddressToConnectFrom(_ transport: Host.Transport) async throws {
    try await Sshd.with { server in
      try server.write("authorized_keys", "from=\"127.0.0.5\" " + (try server.read("id.pub")))
      #expect(try await connect(server, transport)?.code == .authenticationRefused)
      try server.configure("BindAddress 127.0.0.5\nAddressFamily inet")
      #expect(try await connect(server, transport) == nil)
      try server.write("authorized_keys", "from=\"127.0.0.1\" " + (try server.read("id.pub")))
      try server.configure("BindInterface lo")
      #expect(try await connect(server, transport) == nil)
    }
  }

  @Test func whatCannotBeConnectedFromIsNamed() async throws {
    try await Sshd.with { server in
      try server.configure("BindAddress 192.0.2.7")
      let address = try await connect(server)
      #expect(address?.code == .configuration)
      #expect(address?.message.contains("BindAddress 192.0.2.7") ?? false)
      try server.configure("BindInterface none-such")
      #expect(try await connect(server)?.message.contains("BindInterface none-such") ?? false)
      try server.configure("AddressFamily inet6")
      #expect(try await connect(server)?.code == .unreachable)
    }
  }

  @Test func aRefusedConnectionIsTriedAgain() throws {
    let listener = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
    defer { close(listener) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        _ = bind(listener, $0, size)
        getsockname(listener, $0, &size)
      }
    }
    let port = Int(UInt16(bigEndian: address.sin_port))
    // It is asked while it waits for the second attempt, not before.
    let transport = try TCPTransport.connect(
      TCPTarget(name: "127.0.0.1", port: port, attempts: 2), deadline: .now + .seconds(60),
      isCancelled: {
        listen(listener, 1)
        return false
      })
    transport.close()
  }

  @Test func batchModeAsksNobody() async throws {
    try await Sshd.with { server in
      try Sshd.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "open sesame", "-f", server.path("locked"))
      try server.write("authorized_keys", try server.read("locked.pub"))
      try server.configure("BatchMode yes\nIdentityFile \(server.path("locked"))")
      for transport in Host.Transport.allCases {
        let asked = Mutex(0)
        let options = server.options { _ in
          asked.withLock { $0 += 1 }
          return "open sesame"
        }
        #expect(try await connect(server, transport, options)?.code == .authenticationRefused)
        #expect(asked.withLock { $0 } == 0)
      }
    }
  }

  @Test func tokensInPathsAreReplaced() throws {
    var resolution = HostResolution(output: "hostname real\nuser me\nport 2200\nhostkeyalias other", home: "/h")
    resolution.originalName = "short"
    let tokens = TokenExpansion(resolution, home: "/h", environment: ["V": "w"])
    #expect(try tokens.expand("%d/%r@%h:%p-%n-%k-%%-${V}-$V") == "/h/me@real:2200-short-other-%-w-$V")
    for bad in ["%", "a%q", "${NONE}"] { #expect(throws: TokenExpansion.Failure.self) { try tokens.expand(bad) } }
    // The shell knows its variables itself.
    #expect(try TokenExpansion(proxyCommandOf: resolution).expand("nc ${V} %h") == "nc ${V} real")
  }
}
