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
  private var hurried = true
  private var closed = false

  private init(_ descriptor: FileDescriptor) { self.descriptor = descriptor }

  /// Resolves `name` and connects to the first of its addresses that answers. Blocks its thread, until `deadline` at
  /// most but for the resolver's own time, and looks at `isCancelled` meanwhile.
  static func connect(
    name: String, port: Int, deadline: ContinuousClock.Instant, isCancelled: () -> Bool
  ) throws(TCPFailure) -> TCPTransport {
    var hints = addrinfo()
    hints.ai_family = AF_UNSPEC
    #if canImport(Glibc)
      hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
    #else
      hints.ai_socktype = SOCK_STREAM
    #endif
    var found: UnsafeMutablePointer<addrinfo>?
    let status = getaddrinfo(name, String(port), &hints, &found)
    guard status == 0 else { throw .unresolved(String(cString: gai_strerror(status))) }
    defer { freeaddrinfo(found) }
    var last = TCPFailure.unresolved("no address")
    var next = found
    while let address = next?.pointee {
      next = address.ai_next
      do throws(TCPFailure) {
        return try connect(address, deadline, isCancelled)
      } catch {
        if case .refused = error {} else { throw error }
        last = error
      }
    }
    throw last
  }

  private static func connect(
    _ address: addrinfo, _ deadline: ContinuousClock.Instant, _ isCancelled: () -> Bool
  ) throws(TCPFailure) -> TCPTransport {
    let raw = socket(address.ai_family, address.ai_socktype, address.ai_protocol)
    guard raw >= 0 else { throw .refused(Errno(rawValue: errno)) }
    let transport = TCPTransport(FileDescriptor(rawValue: raw))
    do throws(TCPFailure) {
      _ = fcntl(raw, F_SETFD, FD_CLOEXEC)
      _ = fcntl(raw, F_SETFL, fcntl(raw, F_GETFL) | O_NONBLOCK)
      transport.set(CInt(TCP_NODELAY), 1)
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
        if hurried { set(CInt(TCP_QUICKACK), 1) }
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

  func close() {
    guard !closed else { return }
    closed = true
    try? descriptor.close()
  }

  private func set(_ option: CInt, _ value: CInt) {
    var value = value
    setsockopt(
      descriptor.rawValue, CInt(IPPROTO_TCP), option, &value, socklen_t(MemoryLayout<CInt>.size))
  }
}

/// Why no TCP connection came about.
enum TCPFailure: Error {
  case unresolved(String)
  case refused(Errno)
  case timedOut
  case cancelled
}
