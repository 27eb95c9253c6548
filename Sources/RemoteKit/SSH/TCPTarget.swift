// SPDX-License-Identifier: Apache-2.0

internal import SystemPackage

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// `AddressFamily` of the SSH configuration, in its words.
enum AddressFamily: String, Hashable, Sendable {
  case any, inet, inet6

  var rawFamily: CInt {
    switch self {
    case .any: AF_UNSPEC
    case .inet: AF_INET
    case .inet6: AF_INET6
    }
  }
}

/// Where a TCP connection goes to, and from where.
struct TCPTarget: Sendable {
  var name: String
  var port: Int
  var family = AddressFamily.any
  /// The address of this machine to connect from; `nil`: the system chooses.
  var bindAddress: String?
  /// Or the interface whose address that is.
  var bindInterface: String?
  /// How often it is tried where it is refused, a second apart.
  var attempts = 1
  /// Whether the system probes a line that is quiet for hours.
  var keepsAlive = true

  /// Binds a socket to the address that was asked for; does nothing where none was.
  func bind(_ socket: CInt, family: CInt) throws(TCPFailure) {
    if let bindAddress {
      let own: AddressList
      do throws(TCPFailure) {
        own = try AddressList(name: bindAddress, port: 0, rawFamily: family, flags: AI_PASSIVE)
      } catch {
        throw .unbound("BindAddress \(bindAddress) is no address of its kind")
      }
      guard let address = own.addresses.first else { throw .unbound("BindAddress \(bindAddress) is no address") }
      try Self.bind(socket, address.ai_addr, address.ai_addrlen, "BindAddress \(bindAddress)")
    } else if let bindInterface {
      try bind(socket, interface: bindInterface, family: family)
    }
  }

  /// As OpenSSH does it: to the first address of the kind that the interface has.
  private func bind(_ socket: CInt, interface: String, family: CInt) throws(TCPFailure) {
    var list: UnsafeMutablePointer<ifaddrs>?
    guard getifaddrs(&list) == 0 else { throw .unbound("\(Errno(rawValue: errno))") }
    defer { freeifaddrs(list) }
    var next = list
    while let entry = next?.pointee {
      next = entry.ifa_next
      guard String(cString: entry.ifa_name) == interface, let address = entry.ifa_addr,
        CInt(address.pointee.sa_family) == family
      else { continue }
      let size = family == AF_INET ? MemoryLayout<sockaddr_in>.size : MemoryLayout<sockaddr_in6>.size
      return try Self.bind(socket, address, socklen_t(size), "BindInterface \(interface)")
    }
    throw .unbound("BindInterface \(interface) has no such address")
  }

  private static func bind(
    _ socket: CInt, _ address: UnsafePointer<sockaddr>?, _ size: socklen_t, _ what: String
  ) throws(TCPFailure) {
    #if canImport(Glibc)
      let status = Glibc.bind(socket, address, size)
    #else
      let status = Darwin.bind(socket, address, size)
    #endif
    guard status == 0 else { throw .unbound("\(what): \(Errno(rawValue: errno))") }
  }
}

/// What the resolver finds for a name; frees it.
final class AddressList {
  private var found: UnsafeMutablePointer<addrinfo>?

  convenience init(name: String, port: Int, family: AddressFamily) throws(TCPFailure) {
    try self.init(name: name, port: port, rawFamily: family.rawFamily, flags: 0)
  }

  init(name: String, port: Int, rawFamily: CInt, flags: CInt) throws(TCPFailure) {
    var hints = addrinfo()
    hints.ai_family = rawFamily
    hints.ai_flags = flags
    #if canImport(Glibc)
      hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
    #else
      hints.ai_socktype = SOCK_STREAM
    #endif
    let status = getaddrinfo(name, String(port), &hints, &found)
    guard status == 0 else { throw .unresolved(String(cString: gai_strerror(status))) }
  }

  deinit { if let found { freeaddrinfo(found) } }

  /// Valid as long as the list is.
  var addresses: [addrinfo] {
    var all: [addrinfo] = []
    var next = found
    while let address = next?.pointee {
      all.append(address)
      next = address.ai_next
    }
    return all
  }
}
