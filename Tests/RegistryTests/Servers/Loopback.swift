// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Sockets on 127.0.0.1.
enum Loopback {
  struct Failure: Error { var call: String, code: Int32 }

  /// A listening socket and its port, which the kernel chooses.
  static func listen() throws -> (socket: Int32, port: Int) {
    let (socket, port) = try bound()
    guard start(socket) else {
      close(socket)
      throw Failure(call: "listen", code: errno)
    }
    return (socket, port)
  }

  private static func bound() throws -> (socket: Int32, port: Int) {
    #if canImport(Glibc)
      let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    #else
      let descriptor = socket(AF_INET, SOCK_STREAM, 0)
    #endif
    guard descriptor >= 0 else { throw Failure(call: "socket", code: errno) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let result = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
        bind(descriptor, pointer, length) == 0 && getsockname(descriptor, pointer, &length) == 0
      }
    }
    guard result else {
      close(descriptor)
      throw Failure(call: "bind", code: errno)
    }
    return (descriptor, Int(UInt16(bigEndian: address.sin_port)))
  }

  private static func start(_ descriptor: Int32) -> Bool {
    #if canImport(Glibc)
      Glibc.listen(descriptor, 64) == 0
    #else
      Darwin.listen(descriptor, 64) == 0
    #endif
  }

  /// Runs a test with a port that is taken, and on which nothing listens.
  static func withDeadPort<Result>(_ body: (Int) async throws -> Result) async throws -> Result {
    let (socket, port) = try bound()
    defer { close(socket) }
    return try await body(port)
  }
}
