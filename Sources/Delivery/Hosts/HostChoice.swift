// SPDX-License-Identifier: Apache-2.0

internal import Images
internal import RemoteKit
internal import Vocabulary

/// Which hosts an image concerns: those of the command line, else the image's own, else those with its roles, else any
/// with the role `build`, and of these the ones whose platform fits.
struct HostChoice: Sendable {
  let inventory: Inventory
  let selection: HostSelection

  /// The hosts of several images.
  struct Hosts: Sendable {
    /// All of them, each once, in the order in which they were first named.
    var all: [Host] = []
    fileprivate var byImage: [String: [Host]] = [:]
    fileprivate var named: Set<String> = []

    func of(_ image: String) -> [Host] { byImage[image] ?? [] }

    /// Whether the image's hosts were named, and each shall end up with the image.
    func areNamed(_ image: String) -> Bool { named.contains(image) }
  }

  /// The hosts that the command line names; for commands that concern no image, all of the inventory where it names none.
  func hosts() throws -> [Host] {
    let hosts = selection.names.isEmpty ? inventory.hosts : try named(selection.names)
    guard !hosts.isEmpty else { throw noHost() }
    return hosts
  }

  func hosts(for images: [ProjectImage]) throws -> Hosts {
    var result = Hosts()
    for image in images {
      let (hosts, areNamed) = try hosts(for: image)
      guard !hosts.isEmpty else { throw noHost(for: image) }
      result.byImage[image.name] = hosts
      if areNamed { result.named.insert(image.name) }
      for host in hosts where !result.all.contains(where: { $0.name == host.name }) { result.all.append(host) }
    }
    return result
  }

  private func hosts(for image: ProjectImage) throws -> ([Host], areNamed: Bool) {
    if !selection.names.isEmpty { return (try named(selection.names), true) }
    if selection.all { return (inventory.hosts, true) }
    if !image.hosts.isEmpty { return (try named(image.hosts), true) }
    let roles = image.roles.isEmpty ? ["build"] : image.roles
    let fit = inventory.hosts.filter { host in
      !Set(host.roles).isDisjoint(with: roles)
        && (image.platforms.isEmpty || host.platforms.isEmpty || !Set(host.platforms).isDisjoint(with: image.platforms))
    }
    return (fit, !image.roles.isEmpty)
  }

  /// Resolves names, each once.
  private func named(_ names: [String]) throws -> [Host] {
    var hosts: [Host] = []
    for name in names {
      let host: Host
      do {
        host = try inventory.host(named: name)
      } catch {
        throw DeliveryError(.usage, "\(error)", leftBehind: "nothing was changed")
      }
      if !hosts.contains(where: { $0.name == host.name }) { hosts.append(host) }
    }
    return hosts
  }

  private func noHost(for image: ProjectImage? = nil) -> DeliveryError {
    DeliveryError(
      .usage, image.map { "no host for \($0.name)" } ?? "no host is named, and the inventory is empty",
      next: ["name one: --host user@address", "or write hosts/NAME.yaml with its address"])
  }
}
