// SPDX-License-Identifier: Apache-2.0

internal import SystemPackage

#if canImport(FoundationEssentials)
  internal import FoundationEssentials
#else
  internal import Foundation
#endif

extension HostSurvey {
  /// Looks at this host, and at `paths` on it.
  init(of paths: [String], _ environment: HostEnvironment) {
    let passing = PassingDirectory.standing(environment)
    self.init(
      places: paths.prefix(32).map { PlaceFacts(lookingAt: $0) }, agents: InstalledAgents(environment).list(),
      passing: passing.owned.count, leftBehind: passing.others, login: LoginFacts(environment),
      proxies: Proxies.of(environment), dockerHost: environment["DOCKER_HOST"])
  }
}

extension LoginFacts {
  init(_ environment: HostEnvironment) {
    self.init(
      shell: environment["SHELL"].flatMap { $0.hasPrefix("/") ? $0 : nil }, killsProcesses: Self.killer(),
      lingers: SmallFile.exists(FilePath("/var/lib/systemd/linger").appending(environment.user)))
  }

  /// The file whose word on `KillUserProcesses` counts, where that is yes (logind.conf(5)).
  private static func killer() -> String? {
    // Without systemd nobody reads those files.
    guard SmallFile.exists("/run/systemd/system") else { return nil }
    var files = [FilePath("/etc/systemd/logind.conf")]
    for directory in ["/usr/lib/systemd/logind.conf.d", "/etc/systemd/logind.conf.d"].map({ FilePath($0) }) {
      let names = ((try? SmallFile.names(in: directory)) ?? []).filter { $0.hasSuffix(".conf") }.sorted()
      files += names.map { directory.appending($0) }
    }
    var found: String?
    for file in files {
      let text = String(decoding: (try? SmallFile.read(file, limit: 64 << 10)) ?? [], as: UTF8.self)
      for line in text.split(separator: "\n").map({ $0.filter { $0 != " " && $0 != "\t" } })
      where line.hasPrefix("KillUserProcesses=") {
        found = ["yes", "true", "1", "on"].contains(line.dropFirst(18).lowercased()) ? file.string : nil
      }
    }
    return found
  }
}

/// Where proxies are set, without the users and passwords in them.
enum Proxies {
  static func of(_ environment: HostEnvironment) -> [String: String] {
    var found: [String: String] = [:]
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"] {
      found[name] = environment[name].map(bare)
    }
    struct Configuration: Decodable {
      var proxies: [String: [String: String]]?
    }
    let file = FilePath(environment.home).appending(".docker/config.json")
    if let bytes = try? SmallFile.read(file, limit: 1 << 20),
      let proxies = (try? JSONDecoder().decode(Configuration.self, from: Data(bytes)))?.proxies
    {
      for (daemon, values) in proxies.prefix(8) {
        for (name, value) in values.prefix(8) { found["~/.docker/config.json \(daemon) \(name)"] = bare(value) }
      }
    }
    return found
  }

  private static func bare(_ value: String) -> String {
    guard let at = value.lastIndex(of: "@") else { return value }
    let scheme = value.firstRange(of: "://").map { value[..<$0.upperBound] } ?? ""
    return scheme + "…" + value[at...]
  }
}
