// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import SystemPackage

/// Which workspace: by default the nearest directory upward that has a `remote-build.yaml`.
struct WorkspaceOptions: ParsableArguments {
  @Option(help: ArgumentHelp("The workspace: the directory with remote-build.yaml.", valueName: "directory"))
  var workspace: String?

  var path: FilePath? { workspace.map { FilePath($0) } }
}
