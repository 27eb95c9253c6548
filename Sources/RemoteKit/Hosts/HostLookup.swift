// SPDX-License-Identifier: Apache-2.0

internal import Dispatch
internal import SystemPackage

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// Where a host's address leads, by OpenSSH's configuration and the name service: what is known before anything is sent.
public struct HostLookup: Hashable, Sendable {
  /// As the configuration has it.
  public var hostName: String
  public var user: String
  public var port: Int
  /// The first of these is where a connection is tried first; empty where another program or host makes the connection.
  public var addresses: [String]

  /// Asks `ssh -G`, then the name service. `nil` for `local`.
  /// Throws ``RemoteError`` with `configuration` for what `ssh` refuses, `unreachable` for a name that leads nowhere.
  public static func find(_ host: Host, options: ConnectionOptions) async throws(RemoteError) -> HostLookup? {
    guard case .ssh(let name, let user, let port) = host.address else { return nil }
    let resolution: HostResolution
    do {
      resolution = try await HostResolution.resolve(
        name: name, user: user, port: port, configuration: options.sshConfig, host: host.name,
        environment: options.environment)
    } catch let error as RemoteError {
      throw error
    } catch {
      throw RemoteError(.configuration, host: host.name, "\(error)")
    }
    var lookup = HostLookup(hostName: resolution.hostName, user: resolution.user, port: resolution.port, addresses: [])
    guard resolution.proxyJump == nil, resolution.proxyCommand == nil else { return lookup }
    switch await addresses(of: resolution.hostName, resolution.port) {
    case .success(let found): lookup.addresses = found
    case .failure(let failure):
      throw RemoteError(
        .unreachable, host: host.name,
        "the name \(resolution.hostName) leads to no address: \(String(cString: gai_strerror(failure.code)))",
        hint: "Check the name, the HostName for it in the ssh configuration, and this machine's name servers.")
    }
    return lookup
  }

  private struct Failure: Error {
    /// Of `getaddrinfo`.
    var code: CInt
  }

  /// Away from the tasks' own threads, since a name server may let one wait.
  private static func addresses(of name: String, _ port: Int) async -> Result<[String], Failure> {
    await withCheckedContinuation { continuation in
      DispatchQueue.global().async {
        var hints = addrinfo()
        #if canImport(Glibc)
          hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        #else
          hints.ai_socktype = SOCK_STREAM
        #endif
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(name, String(port), &hints, &list)
        guard code == 0 else { return continuation.resume(returning: .failure(Failure(code: code))) }
        defer { freeaddrinfo(list) }
        var found: [String] = []
        var entry = list
        while let info = entry?.pointee {
          var text = [CChar](repeating: 0, count: 256)
          if getnameinfo(info.ai_addr, info.ai_addrlen, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST) == 0 {
            let address = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            if !found.contains(address) { found.append(address) }
          }
          entry = info.ai_next
        }
        continuation.resume(returning: .success(found))
      }
    }
  }
}
