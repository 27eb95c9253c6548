// SPDX-License-Identifier: Apache-2.0

public import ArgumentParser

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// The program: `remote-build IMAGE…` builds, other verbs have names.
public struct RemoteBuild: AsyncParsableCommand {
  public static let configuration = CommandConfiguration(
    commandName: "remote-build",
    abstract: "Build container images on remote hosts over SSH, push them, and prove that the push landed.",
    discussion: """
      remote-build IMAGE… syncs the workspace to a host, builds there, pushes, and verifies what the registry holds.

      EXIT STATUS
          0  all of it happened and was verified
          1  a build failed
         64  usage, or a file of configuration
         69  a host, its builder or the registry cannot be reached
         73  the sync was refused or could not be completed
         74  a release was refused
         75  someone else holds the lease
         76  verification failed
         77  authentication or host key refused
        130  interrupted or detached

      remote-build --version, alone, prints the program's own version.
      """,
    subcommands: [
      BuildCommand.self, SyncCommand.self, VerifyCommand.self, JobsCommand.self, AttachCommand.self, LogsCommand.self,
      CancelCommand.self, DismissCommand.self, DoctorCommand.self, HostsCommand.self, PruneCommand.self,
      ReleasesCommand.self, PromoteCommand.self, RollbackCommand.self,
    ],
    defaultSubcommand: BuildCommand.self)

  public init() {}

  /// Ends the process without the C library's exit handlers: OpenSSL's would take its locks away from under sessions that
  /// are still closing.
  static func leave(_ status: Int32) -> Never {
    TerminalPrompt.restoreTerminal()
    fflush(nil)
    _exit(status)
  }

  /// Parses the process's arguments, runs the command, and exits with its status.
  public static func run() async -> Never {
    // Not ArgumentParser's: `--version` of the default command is the version that is built.
    if CommandLine.arguments.dropFirst().elementsEqual(["--version"]) {
      print("remote-build 0.1.0")
      leave(0)
    }
    do {
      var command = try parseAsRoot()
      if var asynchronous = command as? any AsyncParsableCommand {
        try await asynchronous.run()
      } else {
        try command.run()
      }
      leave(0)
    } catch let code as ExitCode {
      leave(code.rawValue)
    } catch {
      exit(withError: error)
    }
  }
}
