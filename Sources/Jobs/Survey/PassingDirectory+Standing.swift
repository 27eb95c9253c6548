// SPDX-License-Identifier: Apache-2.0

internal import SystemPackage

extension PassingDirectory {
  /// What stands where secrets and configurations pass: directories of processes that run, and others, by their paths.
  static func standing(_ environment: HostEnvironment) -> (owned: [String], others: [String]) {
    var owned: [String] = []
    var others: [String] = []
    for base in bases(environment) {
      for name in ((try? SmallFile.names(in: base)) ?? []).prefix(1000) {
        let path = base.appending(name).string
        if isOwned(name) { owned.append(path) } else { others.append(path) }
      }
    }
    return (owned, others.sorted())
  }

  /// Whether the process that the name tells of still runs.
  private static func isOwned(_ name: String) -> Bool {
    let parts = name.split(separator: ".")
    guard parts.count == 4, let pid = Int32(parts[1]), let start = UInt64(parts[2]) else { return false }
    return ProcessIdentity(running: pid)?.startTime == start
  }
}
