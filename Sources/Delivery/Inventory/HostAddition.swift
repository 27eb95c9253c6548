// SPDX-License-Identifier: Apache-2.0

internal import RemoteKit
public import SystemPackage

/// `remote-build hosts add`: looks at a host, and writes its file where nothing is in the way of a build.
public struct HostAddition: Sendable {
  let context: RunContext
  let named: FilePath?
  let selection: HostSelection
  let name: String
  let address: String
  let roles: [String]
  /// Whether the file goes to the user's own hosts rather than the workspace's.
  let isUsers: Bool
  /// Whether it is written though a check failed.
  let isForced: Bool

  public init(
    context: RunContext, workspace: FilePath?, selection: HostSelection, name: String, address: String,
    roles: [String], isUsers: Bool, isForced: Bool
  ) {
    self.context = context.hinting(selection, workspace)
    named = workspace
    self.selection = selection
    self.name = name
    self.address = address
    self.roles = roles
    self.isUsers = isUsers
    self.isForced = isForced
  }

  /// Looks at the host, hands out what was found, and writes the file. One that stands there is replaced only where
  /// somebody at the terminal says so. Throws ``DeliveryError``.
  /// - Returns: the file, or the status of what is in the way; then nothing was written.
  public func run(_ show: (Examination) -> Void) async throws -> Result<FilePath, DeliveryError> {
    guard HostFile.isName(name) else {
      throw DeliveryError(
        .usage, "'\(name)' cannot be a host's name: letters, digits, -, _ and . are for it, and local has its meaning",
        leftBehind: "nothing was written")
    }
    guard let parsed = HostAddress(address), parsed != .local else {
      throw DeliveryError(
        .usage, "'\(address)' is not an address", leftBehind: "nothing was written",
        next: ["write a name, user@address[:port] or user@[v6]:port"])
    }
    let workspace = try LocalWorkspace.open(named, context: context, needsProject: false)
    let directory = isUsers ? context.directories.hosts : workspace.root.appending("hosts")
    let path = directory.appending("\(name).yaml")
    let overwrites = try await mayOverwrite(path, workspace)
    let host = Host(name: name, address: parsed)
    let distinctName = Fleet.distinctName(of: workspace, on: [host], selection: selection, context: context)
    let examination = await HostExamination(
      host: host, workspace: workspace, distinctName: distinctName, selection: selection, registry: nil,
      context: context
    ).run()
    show(examination)
    guard examination.status == .success || isForced else {
      return .failure(
        DeliveryError(
          examination.status, host: name, "a check failed, so the host was not added",
          leftBehind: "nothing was written",
          next: ["mend it and run the same command again", "or write its file all the same: --force"]))
    }
    let hasDocker = examination.checks.contains { $0.check == .builder && $0.verdict == .pass }
    try HostFile(
      address: address, builder: hasDocker ? "docker" : nil, platform: examination.platform, roles: roles
    ).write(to: path, overwrites: overwrites)
    return .success(path)
  }

  private func mayOverwrite(_ path: FilePath, _ workspace: LocalWorkspace) async throws -> Bool {
    guard let standing = HostFile.path(of: name, workspace: workspace, context: context) else { return false }
    guard standing == path else {
      // The user's own wins over the workspace's: one would never see what was written.
      if !isUsers {
        throw DeliveryError(
          .usage, "\(standing) names a host \(name) already, and wins over the workspace's",
          leftBehind: "nothing was written",
          next: ["choose another name, or replace that one: --user"])
      }
      return false
    }
    guard let ask = context.askLine, let answer = await ask("\(path) is there. Overwrite it? [y/N] ") else {
      throw DeliveryError(
        .usage, "\(path) is there already", leftBehind: "it is as it was",
        next: ["choose another name, or remove that file first"])
    }
    guard ["y", "yes"].contains(answer.lowercased()) else {
      throw DeliveryError(.interrupted, "\(path) was left as it is")
    }
    return true
  }
}
