// SPDX-License-Identifier: Apache-2.0

internal import SystemPackage

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

extension ProcessIdentity {
  /// The running process `pid`; `nil` when there is none, or it is a zombie.
  init?(running pid: Int32) {
    guard let stat = ProcessStat(pid), !["Z", "X"].contains(stat.state) else { return nil }
    self.init(pid: pid, startTime: stat.startTime, boot: Self.currentBoot)
  }

  /// This process.
  static func current() -> ProcessIdentity? { ProcessIdentity(running: getpid()) }

  var isRunning: Bool { ProcessIdentity(running: pid) == self }

  /// Changes with each start of the machine.
  static let currentBoot: String = {
    let text = (try? SmallFile.read("/proc/sys/kernel/random/boot_id", limit: 64)) ?? []
    return String(decoding: text.filter { $0 > 32 }, as: UTF8.self)
  }()
}

/// Some fields of `/proc/PID/stat` (proc(5)).
struct ProcessStat {
  var pid: Int32
  var state: String
  var parent: Int32
  var startTime: UInt64

  init?(_ pid: Int32) {
    guard let bytes = try? SmallFile.read(FilePath("/proc/\(pid)/stat"), limit: 4096) else { return nil }
    // The second field is the program's name in parentheses, and may itself hold spaces and parentheses.
    guard let close = bytes.lastIndex(of: UInt8(ascii: ")")) else { return nil }
    let fields = String(decoding: bytes[(close + 1)...], as: UTF8.self).split(separator: " ")
    guard fields.count > 19, let parent = Int32(fields[1]), let startTime = UInt64(fields[19]) else { return nil }
    self.pid = pid
    state = String(fields[0])
    self.parent = parent
    self.startTime = startTime
  }

  /// Every process that descends from `ancestor`, itself excluded.
  static func descendants(of ancestor: Int32) -> [Int32] {
    let pids = (try? SmallFile.names(in: "/proc"))?.compactMap { Int32($0) } ?? []
    var children: [Int32: [Int32]] = [:]
    for stat in pids.compactMap(ProcessStat.init) { children[stat.parent, default: []].append(stat.pid) }
    var found: [Int32] = []
    var open = [ancestor]
    while let next = open.popLast() {
      let own = children[next] ?? []
      found += own
      open += own
    }
    return found
  }
}
