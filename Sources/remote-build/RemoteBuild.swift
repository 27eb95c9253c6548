// SPDX-License-Identifier: Apache-2.0

internal import RemoteBuildCommands

@main
struct Program {
  static func main() async { await RemoteBuild.run() }
}
