// SPDX-License-Identifier: Apache-2.0

internal import SystemPackage
internal import Vocabulary

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

extension HostFacts {
  /// Facts about this machine, with the free space where `path` lies or would lie.
  init(of path: String?, _ environment: HostEnvironment) {
    var disk = FilePath(path ?? environment.home)
    while !SmallFile.exists(disk) && disk.removeLastComponent() {}
    var facts = statvfs()
    let isKnown = statvfs(disk.string, &facts) == 0
    self.init(
      machine: Kernel.machine, kernel: Kernel.release, cores: max(1, sysconf(CInt(_SC_NPROCESSORS_ONLN))),
      memory: ByteCount(sysconf(CInt(_SC_PHYS_PAGES)) * sysconf(CInt(_SC_PAGESIZE))),
      freeDisk: isKnown ? ByteCount(UInt64(facts.f_bavail) * UInt64(facts.f_frsize)) : nil, diskPath: disk.string,
      clock: secondsSince1970(), uid: geteuid(), user: environment.user, home: environment.home,
      builders: ["docker", "podman", "buildah"].flatMap(environment.executables))
  }
}

/// What `uname` says.
enum Kernel {
  static var machine: String { names().machine }
  static var release: String { names().release }

  private static func names() -> (machine: String, release: String) {
    var facts = utsname()
    uname(&facts)
    return (text(&facts.machine), text(&facts.release))
  }

  private static func text<Field>(_ field: inout Field) -> String {
    withUnsafeBytes(of: &field) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }
}
