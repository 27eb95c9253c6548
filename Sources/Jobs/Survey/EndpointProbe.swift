// SPDX-License-Identifier: Apache-2.0

internal import Dispatch
internal import SystemPackage
internal import Wire

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// Asks whether this host reaches a server: to which addresses its name leads, and whether one of them answers.
struct EndpointProbe: Sendable {
  let endpoint: SurveyCall.Endpoint
  let environment: HostEnvironment
  let state: FilePath

  private static let patience: CInt = 5000
  private static let mostAddresses = 4

  func run() async throws -> EndpointFacts {
    guard !endpoint.host.hasPrefix("-"), !endpoint.host.isEmpty, (1...65535).contains(endpoint.port) else {
      throw ServiceFailure(.invalidSpec, "'\(endpoint.host)' is no server's name")
    }
    var addresses = [endpoint.host]
    if !Self.isLiteral(endpoint.host) {
      switch try await resolve() {
      case .success(let found): addresses = found
      case .failure(let failure):
        return EndpointFacts(addresses: [], resolution: failure.message, failure: nil, seconds: 0)
      }
    }
    let found = Array(addresses.prefix(Self.mostAddresses))
    return await withCheckedContinuation { continuation in
      DispatchQueue(label: "remote-build.reach").async {
        let start = monotonicSeconds()
        var failure: String?
        for address in found {
          failure = Self.connect(address, endpoint.port).map { "\(address): \($0)" }
          if failure == nil { break }
        }
        continuation.resume(
          returning: EndpointFacts(
            addresses: found, resolution: nil, failure: failure, seconds: monotonicSeconds() - start))
      }
    }
  }

  /// By `getent`, since a static program cannot load the name service's modules.
  private func resolve() async throws -> Result<[String], ServiceFailure> {
    let request = CommandRequest(argv: ["getent", "ahosts", endpoint.host], timeout: 10)
    let result = try await CommandRun(request: request, environment: environment, state: state).run()
    var found: [String] = []
    for line in result.stdout.split(separator: "\n") {
      guard let address = line.split(separator: " ").first.map(String.init), Self.isLiteral(address) else { continue }
      if !found.contains(address) { found.append(address) }
    }
    guard found.isEmpty else { return .success(found) }
    let why = result.timedOut ? "no name server answered in 10 s" : "the name is unknown there"
    return .failure(ServiceFailure(.system, why))
  }

  private static func isLiteral(_ text: String) -> Bool { socketAddress(text, 1) != nil }

  /// Why no connection could be made; `nil` where one was.
  private static func connect(_ address: String, _ port: Int) -> String? {
    guard let (bytes, family) = socketAddress(address, port) else { return "not an address" }
    #if canImport(Glibc)
      let socket = Glibc.socket(family, Int32(SOCK_STREAM.rawValue), 0)
    #else
      let socket = Darwin.socket(family, SOCK_STREAM, 0)
    #endif
    guard socket >= 0 else { return "\(Errno(rawValue: errno))" }
    defer { close(socket) }
    _ = fcntl(socket, F_SETFD, FD_CLOEXEC)
    _ = fcntl(socket, F_SETFL, O_NONBLOCK)
    let begun = bytes.withUnsafeBytes { buffer in
      buffer.withMemoryRebound(to: sockaddr.self) { address in
        #if canImport(Glibc)
          Glibc.connect(socket, address.baseAddress, socklen_t(buffer.count))
        #else
          Darwin.connect(socket, address.baseAddress, socklen_t(buffer.count))
        #endif
      }
    }
    if begun == 0 { return nil }
    guard errno == EINPROGRESS else { return "\(Errno(rawValue: errno))" }
    var polled = pollfd(fd: socket, events: Int16(POLLOUT), revents: 0)
    guard poll(&polled, 1, patience) > 0 else { return "no answer in 5 s" }
    var error: CInt = 0
    var length = socklen_t(MemoryLayout<CInt>.size)
    getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &length)
    return error == 0 ? nil : "\(Errno(rawValue: error))"
  }

  /// The bytes of a socket's address; `nil` for a name.
  private static func socketAddress(_ text: String, _ port: Int) -> ([UInt8], Int32)? {
    var four = sockaddr_in()
    four.sin_family = sa_family_t(AF_INET)
    four.sin_port = UInt16(port).bigEndian
    if inet_pton(AF_INET, text, &four.sin_addr) == 1 { return (withUnsafeBytes(of: four) { Array($0) }, AF_INET) }
    var six = sockaddr_in6()
    six.sin6_family = sa_family_t(AF_INET6)
    six.sin6_port = UInt16(port).bigEndian
    if inet_pton(AF_INET6, text, &six.sin6_addr) == 1 { return (withUnsafeBytes(of: six) { Array($0) }, AF_INET6) }
    return nil
  }
}
