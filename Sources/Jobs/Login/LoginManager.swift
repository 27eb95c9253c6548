// SPDX-License-Identifier: Apache-2.0

internal import SystemPackage

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// What the host's login manager does to a user's processes at logout, as `loginctl` says it: systemd's ends them all
/// where `KillUserProcesses` is set, whatever session or process group they are in (logind.conf(5)).
struct LoginManager: Sendable {
  let environment: HostEnvironment

  enum Verdict: Hashable, Sendable {
    /// Nothing happens to them, or nobody is there who would do something.
    case leavesThem
    /// They end, but for those in a scope of the user's own manager, which `systemdRun` makes; and these too, after the
    /// last logout, unless the user lingers.
    case ends(systemdRun: String?, lingers: Bool)
  }

  /// Asks. A `loginctl` that does not answer counts as none: on a machine without systemd it fails.
  func verdict() async -> Verdict {
    guard let loginctl = environment.executables("loginctl").first,
      let manager = await ask([loginctl, "show-session"] + Self.properties.map { "--property=\($0)" }),
      Self.ends(user: environment.user, manager)
    else { return .leavesThem }
    let user = await ask([loginctl, "show-user", environment.user, "--property=Linger"])
    return .ends(
      systemdRun: environment.executables("systemd-run").first, lingers: user?["Linger"] == "yes")
  }

  private static let properties = ["KillUserProcesses", "KillOnlyUsers", "KillExcludeUsers"]

  private static func ends(user: String, _ manager: [String: String]) -> Bool {
    func users(_ name: String) -> [Substring] { manager[name]?.split(separator: " ") ?? [] }
    guard manager["KillUserProcesses"] == "yes", !users("KillExcludeUsers").contains(user[...]) else { return false }
    let only = users("KillOnlyUsers")
    return only.isEmpty || only.contains(user[...])
  }

  /// `NAME=value` lines; `nil` where the command fails or takes longer than it may.
  private func ask(_ command: [String]) async -> [String: String]? {
    let run = CommandRun(request: CommandRequest(argv: command, timeout: 5), environment: environment, state: "/")
    guard let result = try? await run.run(), result.succeeded else { return nil }
    let pairs = result.stdout.split(separator: "\n").map { $0.split(separator: "=", maxSplits: 1) }
    return Dictionary(pairs.map { (String($0[0]), $0.count > 1 ? String($0[1]) : "") }) { $1 }
  }
}

/// How a supervisor is started so that a logout does not end it, and what there is to say about it.
struct SupervisorLaunch: Sendable {
  /// The executable, and its arguments.
  var executable: String
  var argv: [String]
  var environment: HostEnvironment
  var warnings: [String] = []

  /// As it is.
  static func plain(_ executable: String, _ directory: FilePath, _ environment: HostEnvironment) -> SupervisorLaunch {
    SupervisorLaunch(
      executable: executable, argv: ["remote-build-agent", "supervise", directory.string], environment: environment)
  }

  /// By what the login manager does.
  static func choose(
    _ verdict: LoginManager.Verdict, executable: String, _ job: JobDirectory, _ environment: HostEnvironment
  ) -> SupervisorLaunch {
    var launch = plain(executable, job.path, environment)
    guard case .ends(let systemdRun, let lingers) = verdict else { return launch }
    let setting = "this host's login manager ends a user's processes at logout (KillUserProcesses=yes)"
    guard let systemdRun else {
      launch.warnings = ["\(setting), and there is no systemd-run: the job ends with your last login there"]
      return launch
    }
    if !lingers {
      launch.warnings = [
        "\(setting): the job outlives this login, but not your last one there, unless you type on the host: "
          + "loginctl enable-linger"
      ]
    }
    // A scope, not a service: systemd-run then becomes the program, with its descriptors, and stays the same process.
    launch.executable = systemdRun
    launch.argv =
      ["systemd-run", "--user", "--scope", "--quiet", "--collect", "--unit=remote-build-\(job.id)", "--"]
      + [executable, "supervise", job.path.string]
    if environment["XDG_RUNTIME_DIR"] == nil, SmallFile.exists(FilePath("/run/user/\(geteuid())")) {
      // The user's manager is found by it; not every login sets it.
      launch.environment = environment.adding(["XDG_RUNTIME_DIR": "/run/user/\(geteuid())"])
    }
    return launch
  }

  /// Where the scope could not be made.
  func withoutScope(_ executable: String, _ directory: FilePath, _ environment: HostEnvironment) -> SupervisorLaunch {
    var launch = Self.plain(executable, directory, environment)
    launch.warnings = [
      "this host's login manager ends a user's processes at logout (KillUserProcesses=yes), and systemd-run --user made "
        + "no scope for the job: it ends with this login. Look at it there: systemctl --user status"
    ]
    return launch
  }
}
