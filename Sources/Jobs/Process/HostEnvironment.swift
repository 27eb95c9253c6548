// SPDX-License-Identifier: Apache-2.0

internal import SystemPackage

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// The environment that the agent was started with, and what follows from it.
struct HostEnvironment: Sendable {
  var variables: [String: String]

  static func current() -> HostEnvironment {
    var variables: [String: String] = [:]
    var entry = environ
    while let text = entry.pointee {
      let pair = String(cString: text)
      if let equals = pair.firstIndex(of: "=") {
        variables[String(pair[..<equals])] = String(pair[pair.index(after: equals)...])
      }
      entry += 1
    }
    return HostEnvironment(variables: variables)
  }

  /// A variable that is set and not empty.
  subscript(name: String) -> String? { variables[name].flatMap { $0.isEmpty ? nil : $0 } }

  /// The user's name and home directory as `/etc/passwd` has them. Read by hand, since a static program cannot load
  /// the name service's modules; who is not listed there has `USER` and `HOME` from the login.
  private var account: (name: String, home: String)? {
    let text = (try? SmallFile.read("/etc/passwd", limit: 4 << 20)) ?? []
    for line in String(decoding: text, as: UTF8.self).split(separator: "\n") {
      let fields = line.split(separator: ":", omittingEmptySubsequences: false)
      if fields.count >= 6, UInt32(fields[2]) == geteuid() { return (String(fields[0]), String(fields[5])) }
    }
    return nil
  }

  var user: String { self["USER"] ?? self["LOGNAME"] ?? account?.name ?? "\(geteuid())" }
  var home: String { self["HOME"] ?? account?.home ?? "/" }

  /// A directory that a variable of the XDG base directory specification names; relative ones are to be ignored.
  func directory(_ name: String) -> FilePath? {
    self[name].map { FilePath($0) }.flatMap { $0.isAbsolute ? $0 : nil }
  }

  var path: String { self["PATH"] ?? "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" }

  /// Every executable file called `name` on `PATH`, in its order.
  func executables(_ name: String) -> [String] {
    var found: [String] = []
    for directory in path.split(separator: ":") where directory.hasPrefix("/") {
      let candidate = "\(directory)/\(name)"
      if Self.isExecutable(candidate) && !found.contains(candidate) { found.append(candidate) }
    }
    return found
  }

  static func isExecutable(_ path: String) -> Bool {
    var facts = stat()
    return stat(path, &facts) == 0 && facts.st_mode & S_IFMT == S_IFREG && access(path, X_OK) == 0
  }

  /// With further variables, which win.
  func adding(_ more: [String: String]) -> HostEnvironment {
    HostEnvironment(variables: variables.merging(more) { $1 })
  }
}
