// SPDX-License-Identifier: Apache-2.0

internal import Foundation
public import Settings
public import SystemPackage

/// All host files.
public struct Inventory: Sendable {
  /// Sorted by name.
  public let hosts: [Host]

  public init(hosts: [Host]) { self.hosts = hosts.sorted { $0.name < $1.name } }

  /// Reads every `NAME.yaml` in `directories`; an earlier directory wins over a later one, and one that does not exist
  /// holds nothing. So the user's own (``userDirectory(environment:)``) comes first, then the workspace's `hosts/`.
  public static func load(directories: [FilePath]) throws(SettingsError) -> Inventory {
    var hosts: [String: Host] = [:]
    for directory in directories {
      let names = (try? FileManager.default.contentsOfDirectory(atPath: directory.string)) ?? []
      for file in names.sorted() where file.hasSuffix(".yaml") && !file.hasPrefix(".") {
        let name = String(file.dropLast(5))
        guard hosts[name] == nil else { continue }
        hosts[name] = try Host(name: name, SettingsDocument(contentsOf: directory.appending(file)))
      }
    }
    return Inventory(hosts: Array(hosts.values))
  }

  /// `$XDG_CONFIG_HOME/remote-build/hosts`, or `~/.config/remote-build/hosts`.
  public static func userDirectory(environment: [String: String]) -> FilePath {
    let base = environment["XDG_CONFIG_HOME"].flatMap { $0.hasPrefix("/") ? $0 : nil }
    return FilePath(base ?? (environment["HOME"] ?? "") + "/.config").appending("remote-build")
      .appending("hosts")
  }

  /// The host that a word on the command line means: a file's, else `local`, or an address as ``HostAddress`` reads it.
  /// Throws ``RemoteError/Code/configuration`` for what is neither.
  public func host(named word: String) throws(RemoteError) -> Host {
    if let host = hosts.first(where: { $0.name == word }) { return host }
    guard let address = HostAddress(word) else {
      throw RemoteError(
        .configuration, host: word, "is neither a host of the inventory nor an address",
        hint: "Write a name, user@address[:port], user@[v6]:port or local.")
    }
    return Host(name: word, address: address)
  }
}
