// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser

/// How a command talks.
struct OutputOptions: ParsableArguments {
  @Flag(help: "One JSON object a line on standard output for everything that happens.")
  var json = false

  @Flag(help: "Show the builder's own steps, bytes and round trips too.")
  var verbose = false

  @Option(help: ArgumentHelp("How progress is shown: auto, tty, plain or none.", valueName: "mode"))
  var progress = ProgressMode.auto
}

extension ProgressMode: ExpressibleByArgument {}
