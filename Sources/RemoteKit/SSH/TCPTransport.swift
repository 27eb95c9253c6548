// SPDX-License-Identifier: Apache-2.0

internal import SystemPackage

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// A TCP connection.
final class TCPTransport: SSHTransport, @unchecked Sendable {
  // `@unchecked`: `hurried` and `closed` are touched on the session's loop thread alone, as the protocol says.
  let descriptor: FileDescriptor
  var input: FileDescriptor { descriptor }
  var output: FileDescriptor { descriptor }
  private var hurried = true
  private var closed = false

  private init(_ descriptor: FileDescriptor) { self.descriptor = descriptor }

  /// Resolves the target's name and connects to the first of its addresses that answers. Blocks its thread, until
  /// `deadline` at most but for the resolver's own time, and looks at `isCancelled` meanwhile.
  static func connect(
    _ target: TCPTarget, deadline: ContinuousClock.Instant, isCancelled: () -> Bool
  ) throws(TCPFailure) -> TCPTransport {
    var attempts = target.attempts
    while true {
      do throws(TCPFailure) {
        return try connectOnce(target, deadline, isCancelled)
      } catch {
        guard case .refused = error, attempts > 1 else { throw error }
      }
      attempts -= 1
      for _ in 0..<10 {
        guard ContinuousClock.now < deadline else { throw .timedOut }
        guard !isCancelled() else { throw .cancelled }
        poll(nil, 0, 100)
      }
    }
  }

  private static func connectOnce(
    _ target: TCPTarget, _ deadline: ContinuousClock.Instant, _ isCancelled: () -> Bool
  ) throws(TCPFailure) -> TCPTransport {
    let found = try AddressList(name: target.name, port: target.port, family: target.family)
    var last = TCPFailure.unresolved("no address")
    for address in found.addresses {
      do throws(TCPFailure) {
        return try connect(address, target, deadline, isCancelled)
      } catch {
        if case .refused = error {} else { throw error }
        last = error
      }
    }
    throw last
  }

  private static func connect(
    _ address: addrinfo, _ target: TCPTarget, _ deadline: ContinuousClock.Instant, _ isCancelled: () -> Bool
  ) throws(TCPFailure) -> TCPTransport {
    let raw = socket(address.ai_family, address.ai_socktype, address.ai_protocol)
    guard raw >= 0 else { throw .refused(Errno(rawValue: errno)) }
    let transport = TCPTransport(FileDescriptor(rawValue: raw))
    do throws(TCPFailure) {
      _ = fcntl(raw, F_SETFD, FD_CLOEXEC)
      _ = fcntl(raw, F_SETFL, fcntl(raw, F_GETFL) | O_NONBLOCK)
      transport.set(CInt(IPPROTO_TCP), CInt(TCP_NODELAY), 1)
      if target.keepsAlive { transport.set(SOL_SOCKET, SO_KEEPALIVE, 1) }
      try target.bind(raw, family: address.ai_family)
      #if canImport(Glibc)
        let status = Glibc.connect(raw, address.ai_addr, address.ai_addrlen)
      #else
        let status = Darwin.connect(raw, address.ai_addr, address.ai_addrlen)
      #endif
      if status != 0 && errno != EINPROGRESS {
        throw TCPFailure.refused(Errno(rawValue: errno))
      }
      while true {
        guard ContinuousClock.now < deadline else { throw TCPFailure.timedOut }
        guard !isCancelled() else { throw TCPFailure.cancelled }
        var polled = pollfd(fd: raw, events: Int16(POLLOUT), revents: 0)
        if poll(&polled, 1, 100) > 0 { break }
      }
      var failure: CInt = 0
      var size = socklen_t(MemoryLayout<CInt>.size)
      getsockopt(raw, SOL_SOCKET, SO_ERROR, &failure, &size)
      if failure != 0 { throw TCPFailure.refused(Errno(rawValue: failure)) }
      return transport
    } catch {
      transport.close()
      throw error
    }
  }

  func receive(into buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int? {
    let count = recv(descriptor.rawValue, buffer.baseAddress, buffer.count, 0)
    if count >= 0 {
      #if canImport(Glibc)
        if hurried { set(CInt(IPPROTO_TCP), CInt(TCP_QUICKACK), 1) }
      #endif
      return count
    }
    if errno == EAGAIN || errno == EINTR { return nil }
    throw Errno(rawValue: errno)
  }

  func send(_ bytes: UnsafeRawBufferPointer) throws(Errno) -> Int? {
    #if canImport(Glibc)
      let flags = CInt(MSG_NOSIGNAL)
      let count = Glibc.send(descriptor.rawValue, bytes.baseAddress, bytes.count, flags)
    #else
      let count = Darwin.send(descriptor.rawValue, bytes.baseAddress, bytes.count, 0)
    #endif
    if count >= 0 { return count }
    if errno == EAGAIN || errno == EINTR { return nil }
    throw Errno(rawValue: errno)
  }

  func setHurried(_ hurried: Bool) { self.hurried = hurried }

  // The socket's own error is all that is known.
  func reason() async -> RemoteError? { nil }

  func close() {
    guard !closed else { return }
    closed = true
    try? descriptor.close()
  }

  private func set(_ level: CInt, _ option: CInt, _ value: CInt) {
    var value = value
    setsockopt(descriptor.rawValue, level, option, &value, socklen_t(MemoryLayout<CInt>.size))
  }
}

/// Why no TCP connection came about.
enum TCPFailure: Error {
  case unresolved(String)
  case refused(Errno)
  /// The address to connect from is none of this machine's.
  case unbound(String)
  case timedOut
  case cancelled

  /// In words for people. `name` and `port` are those that were connected to.
  func remoteError(host: String, name: String, port: Int) -> RemoteError {
    switch self {
    case .unresolved(let why):
      RemoteError(
        .unreachable, host: host, "the name '\(name)' cannot be resolved: \(why)",
        hint: "Check the host's address, and that this machine is online.")
    case .refused(let errno):
      RemoteError(
        .unreachable, host: host, "cannot connect to \(name) port \(port): \(errno)",
        hint: "Check that the host is up and its SSH server listens there: ssh -p \(port) \(name)")
    case .unbound(let why):
      RemoteError(
        .configuration, host: host, "cannot connect to \(name) port \(port): \(why)",
        hint: "Check BindAddress and BindInterface in the ssh configuration.")
    case .timedOut:
      RemoteError(
        .unreachable, host: host, "no answer from \(name) port \(port) within the connect timeout",
        hint:
          "Check that the host is up and no firewall is in between; ConnectTimeout in the ssh configuration sets the wait."
      )
    case .cancelled: RemoteError(.closed, host: host, "the connection was given up")
    }
  }
}
