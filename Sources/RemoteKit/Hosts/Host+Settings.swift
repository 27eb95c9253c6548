// SPDX-License-Identifier: Apache-2.0

public import Settings

extension Host {
  /// Reads a host's file. Throws for unknown keys and wrong types, with line and column.
  public init(name: String, _ document: SettingsDocument) throws(SettingsError) {
    let file = try document.root.mapping(known: [
      "address", "workspace", "builder", "platforms", "roles", "max-builds", "min-free-disk", "limits", "transport",
      "build-network",
    ])
    let addressNode = file["address"]
    let addressText = try addressNode?.string() ?? name
    guard let address = HostAddress(addressText) else {
      throw (addressNode ?? file.node).error(
        "'\(addressText)' is not an address: write a name, user@address[:port], user@[v6]:port or local"
      )
    }
    self.init(name: name, address: address)
    if let node = file["workspace"] {
      workspace = try node.string()
      guard workspace.hasPrefix("/") || workspace.hasPrefix("~/") else {
        throw node.error("a workspace is an absolute path, or begins with ~/")
      }
    }
    builder = try file["builder"]?.choice()
    for node in try file["platforms"]?.list() ?? [] { platforms.append(try node.platform()) }
    roles = try file["roles"]?.strings() ?? []
    maxBuilds = try Self.positive(file["max-builds"])
    minFreeDisk = try file["min-free-disk"]?.byteCount()
    if let limits = try file["limits"]?.mapping(known: ["memory", "cpus"]) {
      self.limits = Limits(
        memory: try limits["memory"]?.byteCount(), cpus: try Self.positive(limits["cpus"]))
    }
    transport = try file["transport"]?.choice() ?? .libssh2
    buildNetwork = try file["build-network"]?.string()
  }

  private static func positive(_ node: SettingsNode?) throws(SettingsError) -> Int? {
    guard let node else { return nil }
    let number = try node.int()
    guard number > 0 else { throw node.error("must be at least 1") }
    return number
  }
}
