// SPDX-License-Identifier: Apache-2.0

internal import RemoteKit
internal import SystemPackage

/// Commands to type next. They repeat the options of the command at hand, so that they work as they stand.
struct CommandHints: Sendable {
  var selection = HostSelection()
  var workspace: FilePath?
  /// What a build was told; `nil` for other commands.
  var order: BuildOrder?
  /// What a command about releases was told; `nil` for other commands.
  var releases: ReleaseOrder?

  /// `remote-build VERB JOB`. Where hosts were named, the one that has the job is.
  func job(_ verb: String, _ id: String, on host: String) -> String {
    let isNamed = selection.all || !selection.names.isEmpty
    return line([verb, id] + (isNamed ? ["--host", host] : []) + reach)
  }

  /// `remote-build jobs`, of the same hosts.
  var jobs: String { line(["jobs"] + hosts + reach) }

  /// `remote-build IMAGE…`, as it was told before.
  /// - Parameter more: options beside those, or in their place.
  func build(_ images: [String], _ more: [String: String?] = [:]) -> String {
    var options: [(String, String?)] = []
    func add(_ name: String, _ value: String?) { if let value { options.append((name, value)) } }
    if let order {
      add("--version", order.version)
      add("--registry", order.registry)
      add("--owner", order.owner)
      add("--ca-file", order.certificates?.string)
      for (name, value) in order.arguments.sorted(by: { $0.key < $1.key }) { add("--build-arg", "\(name)=\(value)") }
      for (id, file) in order.secrets.sorted(by: { $0.key < $1.key }) { add("--secret", "\(id)=\(file)") }
      let flags = [
        ("--replace", order.replaces), ("--no-promote", !order.promotes), ("--allow-dirty", order.promotesDirty),
        ("--build-on-each", order.buildsOnEach), ("--adopt", order.sync.adopts),
        ("--allow-mass-delete", order.sync.allowsMassDelete),
      ]
      options += flags.filter(\.1).map { ($0.0, nil) }
    }
    add("--remote-dir", selection.remoteDirectory)
    options.removeAll { more.keys.contains($0.0) }
    options += more.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    return line(images + options.flatMap { [$0.0] + ($0.1.map { [$0] } ?? []) } + hosts + reach)
  }

  /// `remote-build verify --registry ADDRESS`.
  func verify(registry: String) -> String { line(["verify", "--registry", registry] + hosts + reach) }

  /// `remote-build promote IMAGE:TAG` and its like, of the same registry and channel.
  func release(_ verb: String, _ words: [String]) -> String {
    let options = [
      ("--registry", releases?.registry ?? order?.registry), ("--owner", releases?.owner ?? order?.owner),
      ("--ca-file", (releases?.certificates ?? order?.certificates)?.string), ("--channel", releases?.channel),
    ]
    return line([verb] + words + options.flatMap { name, value in value.map { [name, $0] } ?? [] } + reach)
  }

  /// A command on a host, by the way that this program goes there.
  static func on(_ host: Host, sshConfiguration: FilePath?, _ command: String) -> String {
    guard case .ssh(let name, let user, let port) = host.address else { return command }
    let words =
      ["ssh"] + (sshConfiguration.map { ["-F", $0.string] } ?? []) + (port.map { ["-p", String($0)] } ?? [])
      + [(user.map { "\($0)@" } ?? "") + name]
    return words.map(Self.quoted).joined(separator: " ") + " " + command
  }

  private var hosts: [String] {
    (selection.all ? ["--all-hosts"] : []) + selection.names.flatMap { ["--host", $0] }
  }

  private var reach: [String] {
    (selection.sshConfiguration.map { ["--ssh-config", $0.string] } ?? [])
      + (workspace.map { ["--workspace", $0.string] } ?? [])
  }

  private func line(_ words: [String]) -> String { (["remote-build"] + words.map(Self.quoted)).joined(separator: " ") }

  /// As a shell needs it. A word in capitals, such as `TAG`, is for the reader to replace, and needs nothing.
  private static func quoted(_ word: String) -> String {
    let plain = "%+,-./:=@_~"
    let isPlain = word.utf8.allSatisfy { byte in
      (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
        || plain.utf8.contains(byte)
    }
    return isPlain && !word.isEmpty && !word.hasPrefix("~")
      ? word : "'" + word.split(separator: "'", omittingEmptySubsequences: false).joined(separator: #"'\''"#) + "'"
  }
}
