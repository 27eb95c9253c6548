// SPDX-License-Identifier: Apache-2.0

internal import SystemPackage

/// A host as `ssh` is told of it: the words of its command line. What lies on the way it finds out itself.
struct OpenSSHTarget: Sendable {
  var name: String
  var user: String?
  var port: Int?
  /// What the configuration makes of it.
  var route: Route

  /// The host's own configuration.
  var resolution: HostResolution { route.hops.last?.resolution ?? HostResolution(output: "", home: "") }

  /// Options that come first, and the name last: `ssh OPTIONS -- NAME`.
  private func words(_ options: [String], configuration: FilePath?) -> [String] {
    (configuration.map { ["-F", $0.string] } ?? []) + options + (port.map { ["-p", String($0)] } ?? [])
      + (user.map { ["-l", $0] } ?? []) + ["--", name]
  }

  private static func set(_ options: [String]) -> [String] { options.flatMap { ["-o", $0] } }

  /// What a configuration may say for a person's sessions, and is in the way of ours.
  private var plain: [String] {
    var options = ["RemoteCommand=none", "ControlPersist=no", "LogLevel=INFO"]
    // Older versions do not know these at all.
    if resolution.values["sessiontype"] != nil { options.append("SessionType=default") }
    if resolution.values["stdinnull"] != nil { options.append("StdinNull=no") }
    if resolution.values["forkafterauthentication"] != nil { options.append("ForkAfterAuthentication=no") }
    return Self.set(options)
  }

  /// The connection itself, which the others run over; writes ``ready`` to its standard output once it stands.
  func master(socket: String, options: ConnectionOptions, acceptsNew: Bool) -> [String] {
    var settings = [
      "PermitLocalCommand=yes", "LocalCommand=echo \(Self.ready)",
      // Never `no`; what is asked is answered with no.
      "StrictHostKeyChecking=\(acceptsNew ? "accept-new" : "ask")",
      "ConnectTimeout=\(max(1, options.timeout(resolution).components.seconds))",
    ]
    if resolution.serverAliveInterval == .zero {
      let ours = resolution.keepAlive
      settings += ["ServerAliveInterval=\(ours.interval.components.seconds)", "ServerAliveCountMax=\(ours.count)"]
    }
    return words(
      ["-N", "-T", "-M", "-S", socket] + Self.set(settings) + plain, configuration: options.sshConfig)
  }

  static let ready = "remote-build-connected"

  /// A further stream over the connection; `command` runs on the host.
  func session(socket: String, command: String, options: ConnectionOptions) -> [String] {
    words(["-T", "-S", socket] + overMaster + plain, configuration: options.sshConfig) + [command]
  }

  /// A stream to an address as the host sees it.
  func tunnel(socket: String, to address: String, port: Int, options: ConnectionOptions) -> [String] {
    let bracketed = address.contains(":") ? "[\(address)]" : address
    return words(
      ["-T", "-S", socket, "-W", "\(bracketed):\(port)"] + overMaster + plain, configuration: options.sshConfig)
  }

  // Where the master is gone, ssh would quietly connect anew, with other options than the master had.
  private var overMaster: [String] { Self.set(["ControlMaster=no", "ProxyCommand=false"]) }
}
