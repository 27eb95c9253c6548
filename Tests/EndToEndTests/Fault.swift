// SPDX-License-Identifier: Apache-2.0

import Foundation
import LabKit
import Subprocess
import SystemPackage

/// What can be wrong with a host or a registry. Where they come from: what users of tools of this kind report most, such
/// as moby/moby#39841 (no permission on the socket), basecamp/kamal#1260 (no Docker), #1028 and #767 (not reached), #560
/// (no daemon), #1602 and #1258 (the login at the registry), docker/buildx#976 (sessions), NixOS/nix#2030 (an unknown
/// host key).
enum Fault: String, CaseIterable, Sendable {
  // The way to the host.
  case wrongName, closedPort, unknownHostKey, changedHostKey, refusedKey, oneSession
  // The host.
  case noexecHome, wrongClock, wrongPlatform, printingRC, slowRC, killedAtLogout, foreignWorkspace, linkedWorkspace
  case fullDisk, inodesUsedUp, heldLease, lostJob, leftSecrets
  // Its builder.
  case noDocker, noDaemon, noPermission, noBuildKit
  // The registry.
  case unreachableRegistry, wrongAuthority, expiredCertificate, wrongPassword, readOnlyToken

  struct Expectation {
    var check: String
    /// Of the check; 0 for a warning.
    var status: Int32
    var what: String
    var mend: String

    init(_ check: String, _ status: Int32, _ what: String, mend: String) {
      self.check = check
      self.status = status
      self.what = what
      self.mend = mend
    }
  }

  var expected: Expectation {
    switch self {
    case .wrongName: .init("name", 69, "leads to no address", mend: "HostName")
    case .closedPort: .init("reach", 69, "refused", mend: "ssh -p")
    case .unknownHostKey: .init("host-key", 77, "not in known_hosts", mend: "--accept-new-host-key")
    case .changedHostKey: .init("host-key", 77, "is not the one that", mend: "ssh-keygen -R")
    case .refusedKey: .init("login", 77, "unauthorized", mend: "authorized_keys")
    case .oneSession: .init("sessions", 69, "one session", mend: "MaxSessions")
    case .noexecHome: .init("agent", 69, "noexec", mend: "remount,exec")
    case .wrongClock: .init("clock", 69, "2 h 0 min behind", mend: "set-ntp")
    case .wrongPlatform: .init("platform", 64, "linux/arm64", mend: "platforms: [linux/")
    case .printingRC: .init("shell", 0, "Welcome", mend: "start file")
    case .slowRC: .init("shell", 0, "to start", mend: "start file")
    case .killedAtLogout: .init("logout", 0, "KillUserProcesses", mend: "enable-linger")
    case .foreignWorkspace: .init("workspace", 73, "belongs to another user", mend: "chown")
    case .linkedWorkspace: .init("workspace", 0, "symbolic link to /srv/", mend: "--remote-dir")
    case .fullDisk: .init("disk", 73, "free where /home/deploy", mend: "prune")
    case .inodesUsedUp: .init("inodes", 73, "inodes free where /tmp lies", mend: "make room")
    case .heldLease: .init("lease", 0, "has the lease", mend: "wait")
    case .lostJob: .init("jobs", 0, "1 lost", mend: "build again")
    case .leftSecrets: .init("secrets", 0, "/dev/shm/remote-build-", mend: "rm -r")
    case .noDocker: .init("builder", 69, "no Docker", mend: "install Docker")
    case .noDaemon: .init("socket", 69, "does not run", mend: "systemctl enable --now docker")
    case .noPermission: .init("socket", 69, "no permission", mend: "usermod -aG docker deploy")
    case .noBuildKit: .init("buildkit", 69, "no buildx plugin", mend: "docker-buildx-plugin")
    case .unreachableRegistry:
      .init("registry-reach", 69, "does not reach the registry", mend: "whether the registry runs")
    case .wrongAuthority: .init("registry", 69, "certificate", mend: "authority in `ca-file`")
    case .expiredCertificate: .init("registry", 69, "expired", mend: "expired")
    case .wrongPassword: .init("registry-login", 77, "refused the credentials", mend: "docker login")
    case .readOnlyToken: .init("push", 77, "a push to", mend: "packages: write")
    }
  }

  /// Whether an engine is needed to show it, which takes longer to start.
  private var needsDocker: Bool {
    [.lostJob, .leftSecrets, .noDaemon, .noPermission, .noBuildKit].contains(self)
  }

  /// Of the command. A host without an engine has that fault too (69), which comes before 64 in the order of statuses.
  var exit: Int32 { !needsDocker && [0, 64].contains(expected.status) ? 69 : expected.status }

  /// A host's name that no other test has.
  static func name(_ word: String) -> String { "\(word)-\(UUID().uuidString.prefix(8).lowercased())" }

  /// Plants the fault on a host of its own, hands the arguments that show it to `body`, and the words that the program is started by, and takes away what would outlive
  /// the lab.
  func withPlanted(
    in lab: Lab, _ body: (Workbench, [String], [String]) async throws -> Void
  ) async throws {
    let name = Self.name(rawValue.lowercased())
    let host =
      switch self {
      case .wrongName: lab.description.host("bare")
      case .closedPort: lab.description.host("dead")
      case .fullDisk: try await lab.addHost(.init(name, docker: false, homeSize: "40m"))
      default: try await lab.addHost(.init(name, docker: needsDocker))
      }
    guard let host else { throw LabError.missing(name) }
    let kind: LabRegistry.Kind = self == .readOnlyToken ? .token : .htpasswd
    let password = self == .wrongPassword ? "not-the-password" : nil
    try await Workbench.with(lab, registry: kind, password: password) { bench in
      try bench.writeHost(host)
      // Faults of hosts are shown without a registry, which could be at fault itself.
      try bench.write("app.py", "print(1)\n")
      try await planted(on: host, bench, body)
    }
  }

  private func planted(
    on host: LabHost, _ bench: Workbench, _ body: (Workbench, [String], [String]) async throws -> Void
  ) async throws {
    let home = host.home.description
    switch self {
    case .wrongName: try await body(bench, ["deploy@no-such-host.invalid"], [])
    case .closedPort, .noDocker, .fullDisk: try await body(bench, [host.name], [])
    case .unknownHostKey, .changedHostKey, .refusedKey:
      let lab = bench.lab
      let known =
        switch self {
        case .unknownHostKey: bench.directory.appending("known_hosts").string
        case .changedHostKey: try await lab.knownHostsWithAnotherKey(for: host.name).description
        default: lab.description.ssh.knownHosts.description
        }
      let identities = lab.description.ssh.identities
      let configuration = bench.directory.appending("ssh_config")
      let identity = self == .refusedKey ? identities.unauthorized : identities.ed25519
      try bench.write(
        "../ssh_config", bench.sshConfiguration(for: host, knownHosts: known, identity: identity.description))
      try await body(bench, [host.name, "--ssh-config", configuration.string], [])
    case .oneSession:
      try await bench.inside(host, "sed", "-i", "1i MaxSessions 1", "/etc/ssh/lab_sshd_config")
      // The server takes its configuration up anew, under the same number.
      try await bench.inside(host, "sh", "-c", "kill -HUP $(pidof -s sshd)")
      let asked = try await bench.command(
        "ssh", ["-o", "ConnectionAttempts=30", "-F", bench.lab.description.ssh.config.description, host.name, "true"])
      guard asked.status == 0 else { throw LabError.missing("an sshd after its restart: \(asked.talk)") }
      try await body(bench, [host.name], [])
    case .noexecHome:
      try await bench.inside(host, "mount", "--bind", home, home)
      try await bench.inside(host, "mount", "-o", "remount,bind,noexec", home)
      try await body(bench, [host.name], [])
    case .wrongClock:
      // The clock of a machine is one for all that is on it: so this side's is set ahead, for the program alone.
      try await body(bench, [host.name], ["faketime", "-f", "+2h"])
    case .wrongPlatform:
      try bench.writeHost(host, extra: "platforms: [linux/arm64]\n")
      try await body(bench, [host.name], [])
    case .printingRC, .slowRC:
      try await plant(on: host, bench, text: "Welcome to the host")
      try await body(bench, [host.name], [])
    case .killedAtLogout:
      try await bench.inside(host, "mkdir", "-p", "/run/systemd/system", "/etc/systemd/logind.conf.d")
      try await bench.inside(
        host, "sh", "-c", "printf '[Login]\\nKillUserProcesses=yes\\n' >/etc/systemd/logind.conf.d/lab.conf")
      try await body(bench, [host.name], [])
    case .foreignWorkspace:
      try await bench.inside(host, "mkdir", "/srv/work")
      try await body(bench, [host.name, "--remote-dir", "/srv/work"], [])
    case .linkedWorkspace:
      try await bench.inside(host, "mkdir", "/srv/work")
      try await bench.inside(host, "chown", "deploy", "/srv/work")
      try await bench.inside(host, "ln", "-s", "/srv/work", "/srv/link")
      try await body(bench, [host.name, "--remote-dir", "/srv/link"], [])
    case .inodesUsedUp:
      try await bench.inside(host, "mount", "-t", "tmpfs", "-o", "mode=1777,nr_inodes=20", "lab-few", "/tmp")
      try await body(bench, [host.name], [])
    case .heldLease: try await withHeldLease(on: host, bench) { try await body(bench, [host.name], []) }
    case .lostJob:
      try await loseJob(on: host, bench)
      try await body(bench, [host.name], [])
    case .leftSecrets:
      let uid = try await bench.inside(host, "id", "-u", host.user).trimmingCharacters(in: .whitespacesAndNewlines)
      let directory = "/dev/shm/remote-build-\(uid)"
      try await bench.inside(host, "mkdir", "-m", "0700", "-p", directory, "\(directory)/left")
      try await bench.inside(host, "chown", "-R", host.user, directory)
      try await body(bench, [host.name], [])
    case .noDaemon:
      try await bench.inside(host, "mv", "/run/docker.sock", "/run/docker.sock.away")
      try await body(bench, [host.name], [])
    case .noPermission:
      try await bench.inside(host, "chmod", "0600", "/run/docker.sock")
      try await body(bench, [host.name], [])
    case .noBuildKit:
      try await bench.hideBuildKit(on: host)
      try await body(bench, [host.name], [])
    case .unreachableRegistry:
      guard let dead = bench.lab.description.host("dead") else { throw LabError.missing("a dead host") }
      try await body(bench, [host.name, "--registry", "127.0.0.1:\(dead.port)", "--owner", bench.owner], [])
    case .wrongAuthority:
      // Another authority than the one that signed the registry's certificate.
      let other = bench.directory.appending("other.crt").string
      try await bench.openssl(
        "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout",
        bench.directory.appending("other.key").string, "-out", other, "-subj", "/CN=another authority")
      try await body(
        bench, [host.name, "--registry", bench.registry.address, "--owner", bench.owner, "--ca-file", other], [])
    case .expiredCertificate:
      try await bench.withExpiredServer { address in
        let authority = bench.lab.description.authority.description
        try await body(bench, [host.name, "--registry", address, "--owner", bench.owner, "--ca-file", authority], [])
      }
    case .wrongPassword, .readOnlyToken:
      if self == .readOnlyToken {
        let login = "\(bench.registry.user ?? "")-reader:\(bench.registry.password ?? "")"
        let encoded = Data(login.utf8).base64EncodedString()
        try bench.write(
          "../home/.docker/config.json", #"{"auths": {"\#(bench.registry.address)": {"auth": "\#(encoded)"}}}"#)
      }
      let authority = bench.lab.description.authority.description
      try await body(
        bench, [host.name, "--registry", bench.registry.address, "--owner", bench.owner, "--ca-file", authority], [])
    }
  }
}
