// SPDX-License-Identifier: Apache-2.0

internal import SystemPackage

/// ProxyCommand of the SSH configuration: a process whose standard input and output are the connection.
struct ProxyCommand: Sendable {
  /// Expanded.
  let command: String
  let host: String
  let environment: [String: String]

  /// - Parameter command: as configured.
  init(
    _ command: String, of resolution: HostResolution, host: String, environment: [String: String]
  ) throws(RemoteError) {
    if resolution.values["proxyusefdpass"] == ["yes"] {
      throw RemoteError(
        .unsupported, host: host, "ProxyUseFdpass of the ssh configuration is not supported with libssh2",
        hint: OptionSupport.hint)
    }
    try Self.check(resolution, host: host)
    do throws(TokenExpansion.Failure) {
      self.command = try TokenExpansion(proxyCommandOf: resolution).expand(command)
    } catch {
      throw RemoteError(
        .configuration, host: host, "ProxyCommand of the ssh configuration: \(error)",
        hint: "Check the ssh configuration.")
    }
    (self.host, self.environment) = (host, environment)
  }

  /// Names go into a shell's command line. OpenSSH refuses these since 9.6 (CVE-2023-51385).
  static func check(_ resolution: HostResolution, host: String) throws(RemoteError) {
    let bad: Set<Unicode.Scalar> = [
      "'", "`", "\"", "$", "\\", ";", "&", "<", ">", "|", "(", ")", "{", "}",
    ]
    for name in [resolution.originalName, resolution.hostName, resolution.user] {
      guard name.unicodeScalars.contains(where: { bad.contains($0) || $0.value <= 32 || $0.value == 127 }) else {
        guard name.hasPrefix("-") else { continue }
        throw refusal(name, host)
      }
      throw refusal(name, host)
    }
  }

  private static func refusal(_ name: String, _ host: String) -> RemoteError {
    RemoteError(
      .configuration, host: host,
      "the name '\(OpenSSHWords.shown(name))' holds characters that mean something to the shell of ProxyCommand",
      hint: "Give the host another name, with HostName in the ssh configuration.")
  }

  /// Starts it in the user's shell, as OpenSSH does. Closing the transport ends it and what it started.
  func start() throws(RemoteError) -> DescriptorTransport {
    let shell = environment["SHELL"].flatMap { $0.hasPrefix("/") ? $0 : nil } ?? "/bin/sh"
    let child: ChildProcess
    do {
      child = try ChildProcess(
        FilePath(shell), arguments: ["-c", "exec " + command], environment: environment, endsGroup: true)
    } catch {
      throw RemoteError(.unreachable, host: host, "ProxyCommand cannot be started in \(shell): \(error)")
    }
    let host = host
    return DescriptorTransport(
      input: child.output, output: child.input,
      reason: {
        // A process that closed its output and goes on is gone for us all the same.
        guard await child.hasEnded(within: .seconds(1)) else { return nil }
        let said = OpenSSHWords.shown(await child.lastWords())
        let how =
          switch child.exit {
          case .exited(let status)?: "with status \(status)"
          case .signalled(let signal)?: "by signal \(signal)"
          case nil: "early"
          }
        return RemoteError(
          .unreachable, host: host,
          "ProxyCommand ended \(how)" + (said.isEmpty ? ", and said nothing" : "; it said: \(said)"),
          hint: "Check ProxyCommand in the ssh configuration, and what it connects to.")
      },
      whenClosed: { child.end() })
  }
}
