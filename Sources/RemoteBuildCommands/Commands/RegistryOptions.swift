// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import Delivery
internal import SystemPackage

/// Where releases stand, in place of what `remote-build.yaml` says.
struct RegistryOptions: ParsableArguments {
  @Option(help: ArgumentHelp("The registry, in place of what remote-build.yaml says.", valueName: "address"))
  var registry: String?

  @Option(help: ArgumentHelp("The owner in the registry, in place of what remote-build.yaml says.", valueName: "name"))
  var owner: String?

  @Option(help: ArgumentHelp("Certificates that the registry's own is checked against.", valueName: "file"))
  var caFile: String?

  @Option(help: ArgumentHelp("The channel, in place of what remote-build.yaml says.", valueName: "name"))
  var channel: String?

  func order(_ images: [String]) -> ReleaseOrder {
    ReleaseOrder(
      images: images, registry: registry, owner: owner, certificates: caFile.map { FilePath($0) }, channel: channel)
  }
}

/// Whether a plan is only shown, or carried out unasked.
struct PlanOptions: ParsableArguments {
  @Flag(help: "Show the plan, and change nothing.")
  var dryRun = false

  @Flag(help: "Carry the plan out without asking. Needed where there is no terminal.")
  var yes = false
}
