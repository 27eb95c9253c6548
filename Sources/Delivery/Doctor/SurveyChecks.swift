// SPDX-License-Identifier: Apache-2.0

internal import Jobs
internal import Vocabulary

/// What the survey of a host means: its agents, the workspace's directory, disks, secrets, the login manager.
struct SurveyChecks: Sendable {
  let survey: HostSurvey
  let installed: String
  let workspace: String
  let uid: UInt32
  let user: String

  init(survey: SurveyedHost, workspace: String, uid: UInt32) {
    self.survey = survey.survey
    installed = survey.installed
    self.workspace = workspace
    self.uid = uid
    user = survey.facts.user
  }

  var all: [Check] {
    [agent, place, secrets, logout].compactMap(\.self)
  }

  private var agent: Check {
    let old = survey.agents.filter { !$0.isRunning }
    guard !survey.agents.isEmpty else { return .pass(.agent, "\(installed), started from this machine's own file") }
    let size = old.reduce(ByteCount.zero) { $0 + $1.size }
    let rest =
      old.isEmpty
      ? ""
      : "; \(old.count == 1 ? "another version takes" : "\(old.count) other versions take") \(size), which prune removes"
    return .pass(.agent, "\(installed), installed in ~/.cache/remote-build/agents\(rest)")
  }

  private var place: Check? {
    guard let place = survey.places.first(where: { $0.path == workspace }) else { return nil }
    let other = "name another directory: --remote-dir DIRECTORY, or workspace: in the host's file"
    func fail(_ what: String, _ mend: String...) -> Check {
      .fail(.workspace, .syncRefused, what, mend: mend + [other])
    }
    switch place.kind {
    case .directory where place.owner != uid:
      return fail("\(workspace) belongs to another user (uid \(place.owner))", "sudo chown -R \(user) \(workspace)")
    case .directory, .missing: break
    default: return fail("\(workspace) is no directory", "move it away")
    }
    if place.isReadOnly {
      return fail("\(workspace) lies on a filesystem that is mounted read-only", "mount it with rw")
    }
    guard place.isWritable else {
      return fail(
        place.kind == .missing
          ? "\(workspace) cannot be made: \(place.nearest) is not writable for \(user)"
          : "\(workspace) is not writable for \(user)", "sudo chown \(user) \(place.nearest)")
    }
    let state = place.kind == .missing ? "can be made" : "writable"
    let network = ["nfs", "cifs", "smb", "fuse", "9p"].contains(place.filesystem)
    if network || place.filesystem == "tmpfs" {
      return .warn(
        .workspace,
        "\(workspace) lies on \(place.filesystem)"
          + (network
            ? ": locks and renames may not hold there, and builds are slow" : ": it is gone when the host restarts"),
        mend: other)
    }
    if let real = place.realPath {
      return .warn(
        .workspace, "\(workspace) leads through a symbolic link to \(real)",
        mend: "name the directory itself: --remote-dir, or workspace: in the host's file")
    }
    // Nothing is executed there, so noexec does no harm.
    return .pass(
      .workspace,
      "\(workspace) \(state), \(place.filesystem)\(place.isNoExec ? ", noexec (which is of no matter)" : "")")
  }

  private var secrets: Check {
    guard let first = survey.leftBehind.first else {
      return .pass(
        .secrets, survey.passing == 0 ? "none left over" : "\(survey.passing) of what runs, none left over")
    }
    return .warn(
      .secrets, "\(survey.leftBehind.count) left over that no process owns: \(first)",
      mend: "look at it there and remove it: rm -r \(first)")
  }

  private var logout: Check {
    guard let file = survey.login.killsProcesses, !survey.login.lingers else {
      return .pass(.logout, "processes live on after it")
    }
    return .warn(
      .logout, "the login manager ends a user's processes at logout (KillUserProcesses in \(file)), and jobs with them",
      mend: "sudo loginctl enable-linger \(user)",
      "or set KillUserProcesses=no there, then: systemctl restart systemd-logind")
  }

  /// One row for the space and one for the inodes of all filesystems that matter.
  static func disks(of places: [PlaceFacts], store: String? = nil) -> [Check] {
    var space: [(Check.Verdict, PlaceFacts)] = []
    var inodes: [(Check.Verdict, PlaceFacts)] = []
    for place in places {
      let least = place.path == store ? ByteCount(1_000_000_000) : ByteCount(50_000_000)
      let little = place.path == store ? ByteCount(5_000_000_000) : ByteCount(500_000_000)
      space.append((place.free < least ? .fail : place.free < little ? .warn : .pass, place))
      guard place.inodes > 0 else { continue }
      inodes.append((place.freeInodes < 1000 ? .fail : place.freeInodes < place.inodes / 20 ? .warn : .pass, place))
    }
    func row(
      _ subject: Check.Subject, _ found: [(Check.Verdict, PlaceFacts)], _ told: (PlaceFacts) -> String, _ what: String
    ) -> Check? {
      let bad = found.first { $0.0 == .fail } ?? found.first { $0.0 == .warn }
      guard let (verdict, place) = bad else {
        guard let least = found.map(\.1).min(by: { $0.free < $1.free }) else { return nil }
        return .pass(subject, "\(told(least)) on the fullest filesystem")
      }
      let isStore = place.path == store
      let text = "\(told(place)) where \(place.path) \(place.kind == .missing ? "would lie" : "lies")\(what)"
      let mend =
        isStore
        ? ["docker builder prune, docker image prune; or: remote-build prune HOST"]
        : ["make room there; remote-build prune HOST removes what is ours and no longer needed"]
      return Check(
        host: nil, check: subject, verdict: verdict, what: text, mend: mend,
        status: verdict == .fail ? (isStore ? .failed : .syncRefused) : nil)
    }
    return [
      row(.disk, space, { "\($0.free) free" }, ""),
      row(.inodes, inodes, { "\($0.freeInodes) inodes free" }, ": no more files can be made once they are used up"),
    ].compactMap(\.self)
  }
}
