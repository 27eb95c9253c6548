// SPDX-License-Identifier: Apache-2.0

internal import Settings
internal import SystemPackage

/// Reads the values of `remote-build.yaml` in their places.
struct ProjectParser {
  /// The workspace's root: paths of the laptop's own files may be relative to it.
  let workspace: FilePath
  /// What `~` stands for.
  let home: FilePath

  func project(_ root: SettingsNode) throws(SettingsError) -> Project {
    let file = try root.mapping(known: ["registry", "owner", "version", "channel", "images"])
    var project = Project(images: [])
    if let node = file["registry"] { project.registry = try registry(node) }
    if let node = file["owner"] { project.owner = try owner(node) }
    if let node = file["version"] { project.version = try version(node) }
    if let node = file["channel"] { project.channel = try channel(node) }
    let images = try file.require("images").mapping()
    guard !images.entries.isEmpty else { throw images.node.error("at least one image is needed here") }
    for entry in images.entries { project.images.append(try image(entry)) }
    try check(project, file, images)
    return project
  }

  private func image(_ entry: SettingsMapping.Entry) throws(SettingsError) -> ProjectImage {
    guard TagGrammar.isComponent(entry.name) else {
      throw entry.key.error(
        "'\(entry.name)' cannot be an image's name: write lower-case letters and digits, joined by '-', '.' or '_'")
    }
    let fields = try entry.value.mapping(known: [
      "dockerfile", "context", "version", "hosts", "roles", "platforms", "budget", "test", "args", "secrets", "target",
    ])
    guard let dockerfile = fields["dockerfile"] else {
      throw entry.key.error("'\(entry.name)' has no 'dockerfile'")
    }
    var image = ProjectImage(name: entry.name, dockerfile: try relativePath(dockerfile))
    if image.dockerfile.isEmpty { throw dockerfile.error("expected the path of a file") }
    if let node = fields["context"] { image.context = try relativePath(node) }
    if let node = fields["version"] { image.version = try version(node) }
    if let node = fields["hosts"] { image.hosts = try words(node) }
    if let node = fields["roles"] { image.roles = try words(node) }
    if let node = fields["platforms"] {
      image.platforms = try distinct(node) { node throws(SettingsError) in try node.platform() }
    }
    if let node = fields["budget"] { image.budget = try node.byteCount() }
    if let node = fields["test"] { image.test = try command(node) }
    if let node = fields["args"] { image.args = try arguments(node) }
    if let node = fields["secrets"] { image.secrets = try secrets(node) }
    if let node = fields["target"] { image.target = try word(node) }
    return image
  }

  private func registry(_ node: SettingsNode) throws(SettingsError) -> ProjectRegistry {
    guard node.isMapping else { return ProjectRegistry(address: try address(node)) }
    let fields = try node.mapping(known: ["address", "ca-file", "via", "insecure"])
    var registry = ProjectRegistry(address: try address(try fields.require("address")))
    if let node = fields["ca-file"] { registry.caFile = try localPath(node) }
    if let node = fields["via"] { registry.via = try word(node) }
    if let node = fields["insecure"] { registry.isInsecure = try node.bool() }
    return registry
  }

  /// `host[:port]`, in lower case, as references begin.
  private func address(_ node: SettingsNode) throws(SettingsError) -> String {
    let text = try node.string()
    guard let address = RegistryAddress.normalized(text) else {
      throw node.error("expected a registry's address such as gitea.example.com or localhost:5000, found '\(text)'")
    }
    return address
  }

  private func owner(_ node: SettingsNode) throws(SettingsError) -> String {
    let owner = try node.string()
    let components = owner.split(separator: "/", omittingEmptySubsequences: false)
    guard components.allSatisfy({ TagGrammar.isComponent($0) }) else {
      throw node.error(
        "'\(owner)' cannot be an owner: write lower-case letters and digits, joined by '-', '.' or '_'")
    }
    return owner
  }

  private func version(_ node: SettingsNode) throws(SettingsError) -> Version {
    let text = try node.string()
    do {
      return try Version(text)
    } catch {
      throw node.error(error.message)
    }
  }

  private func channel(_ node: SettingsNode) throws(SettingsError) -> String {
    let channel = try node.string()
    if let problem = ChannelName.problem(channel) { throw node.error(problem) }
    return channel
  }

  private func arguments(_ node: SettingsNode) throws(SettingsError) -> [String: String] {
    var arguments: [String: String] = [:]
    for entry in try node.mapping().entries {
      guard ShellWord.isName(entry.name) else {
        throw entry.key.error("'\(entry.name)' cannot be an argument's name: write letters, digits and '_'")
      }
      let value = try entry.value.string()
      if URLCredentials.stand(in: value) {
        throw entry.value.error(
          "the URL in '\(entry.name)' holds a user or password, which would stand in the image's history; "
            + "give it as a secret instead")
      }
      arguments[entry.name] = value
    }
    return arguments
  }

  private func secrets(_ node: SettingsNode) throws(SettingsError) -> [ProjectSecret] {
    var secrets: [ProjectSecret] = []
    for entry in try node.mapping().entries {
      guard ProjectSecret.isID(entry.name) else {
        throw entry.key.error("'\(entry.name)' cannot be a secret's id: \(ProjectSecret.idRule)")
      }
      let fields = try entry.value.mapping(known: ["file", "env"])
      switch (fields["file"], fields["env"]) {
      case (let file?, nil): secrets.append(ProjectSecret(id: entry.name, source: .file(try localPath(file))))
      case (nil, let variable?):
        let name = try variable.string()
        guard ShellWord.isName(name) else { throw variable.error("'\(name)' cannot be a variable's name") }
        secrets.append(ProjectSecret(id: entry.name, source: .environment(name)))
      default: throw entry.value.error("a secret needs either 'file' or 'env'")
      }
    }
    return secrets
  }

  /// What one value cannot show: a channel that would also be a version.
  private func check(
    _ project: Project, _ file: SettingsMapping, _ images: SettingsMapping
  ) throws(SettingsError) {
    guard let channel = project.channel else { return }
    func check(_ version: Version?, _ node: SettingsNode?) throws(SettingsError) {
      guard case .fixed(let tag) = version, let node else { return }
      if tag == channel { throw node.error("'\(tag)' is the channel, which moves; a version must not") }
      if tag.hasPrefix("\(channel)."), Int(tag.dropFirst(channel.count + 1)) != nil {
        throw node.error("the tag '\(tag)' belongs to the history of the channel '\(channel)'")
      }
    }
    try check(project.version, file["version"])
    for (image, entry) in zip(project.images, images.entries) {
      try check(image.version, try entry.value.mapping()["version"])
    }
  }
}
