// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import Delivery
internal import SystemPackage

/// The options of every command that reaches hosts.
struct HostOptions: ParsableArguments {
  @Option(
    name: .customLong("host"),
    help: ArgumentHelp(
      "A host: its name in the inventory, user@address[:port], or local. May be repeated.", valueName: "name"))
  var hosts: [String] = []

  @Flag(name: .customLong("all-hosts"), help: "All hosts of the inventory.")
  var allHosts = false

  @Option(help: ArgumentHelp("The workspace's directory on the host.", valueName: "directory"))
  var remoteDir: String?

  @Option(help: ArgumentHelp("An SSH client configuration, as ssh -F takes it.", valueName: "file"))
  var sshConfig: String?

  @Flag(help: "Write down and accept the key of a host that is not known yet. A changed key is refused all the same.")
  var acceptNewHostKey = false

  var selection: HostSelection {
    HostSelection(
      names: hosts, all: allHosts, remoteDirectory: remoteDir, sshConfiguration: sshConfig.map { FilePath($0) },
      acceptsNewHostKeys: acceptNewHostKey)
  }
}
