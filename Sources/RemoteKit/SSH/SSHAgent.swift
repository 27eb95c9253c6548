// SPDX-License-Identifier: Apache-2.0

internal import SystemPackage
internal import Wire

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// A client of ssh-agent (draft-miller-ssh-agent): lists its keys and has it sign.
struct SSHAgent: Sendable {
  struct Identity: Sendable {
    var key: HostKey
    var comment: String
  }

  struct Failure: Error, CustomStringConvertible {
    var description: String
  }

  private let stream: DescriptorStream

  /// Connects to the agent's socket.
  init(socket path: FilePath) throws {
    let raw: CInt
    #if canImport(Glibc)
      raw = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
    #else
      raw = socket(AF_UNIX, SOCK_STREAM, 0)
    #endif
    guard raw >= 0 else { throw Failure(description: "\(Errno(rawValue: errno))") }
    let descriptor = FileDescriptor(rawValue: raw)
    do {
      var address = sockaddr_un()
      address.sun_family = sa_family_t(AF_UNIX)
      let bytes = Array(path.string.utf8)
      guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else {
        throw Failure(description: "the path of its socket is too long")
      }
      withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
      let status = withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          connect(raw, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
        }
      }
      guard status == 0 else { throw Failure(description: "\(Errno(rawValue: errno))") }
      stream = try DescriptorStream(reading: descriptor, writing: descriptor)
    } catch {
      try? descriptor.close()
      throw error
    }
  }

  func close() async { await stream.close() }

  func identities() async throws -> [Identity] {
    var reader = SSHBlobReader(try await ask(request: [11], expecting: 12))
    guard let count = reader.readUInt32() else {
      throw Failure(description: "it answered nonsense")
    }
    var identities: [Identity] = []
    for _ in 0..<count {
      guard let blob = reader.readString(), let comment = reader.readText() else {
        throw Failure(description: "it answered nonsense")
      }
      identities.append(Identity(key: HostKey(blob: blob), comment: comment))
    }
    return identities
  }

  /// The bare signature of `data`, without the name of its algorithm.
  /// - Parameter algorithm: for RSA keys `rsa-sha2-256` or `rsa-sha2-512`; SHA-1 is not signed with.
  func sign(_ data: [UInt8], with key: HostKey, algorithm: String) async throws -> [UInt8] {
    let flags: UInt32
    switch algorithm {
    case "rsa-sha2-256": flags = 2
    case "rsa-sha2-512": flags = 4
    case "ssh-rsa": throw Failure(description: "\(algorithm) is not signed with")
    default: flags = 0
    }
    var writer = SSHBlobWriter()
    writer.write(byte: 13)
    writer.write(key.blob)
    writer.write(data)
    writer.write(flags)
    var reader = SSHBlobReader(try await ask(request: writer.bytes, expecting: 14))
    guard let blob = reader.readString() else { throw Failure(description: "it answered nonsense") }
    var signature = SSHBlobReader(blob)
    guard let name = signature.readText(), let bytes = signature.readString() else {
      throw Failure(description: "it answered nonsense")
    }
    // Agents that do not know the flags sign with SHA-1.
    guard name == algorithm else { throw Failure(description: "it signs with \(name), not with \(algorithm)") }
    return bytes
  }

  private func ask(request: [UInt8], expecting answer: UInt8) async throws -> [UInt8] {
    var writer = SSHBlobWriter()
    writer.write(request)
    try await stream.write(writer.bytes)
    var received: [UInt8] = []
    while true {
      if received.count >= 4 {
        let count = received[..<4].reduce(0) { $0 << 8 | Int($1) }
        // OpenSSH's own limit of a message.
        guard (1...(256 << 10)).contains(count) else {
          throw Failure(description: "it answered nonsense")
        }
        if received.count >= 4 + count {
          guard received[4] == answer else { throw Failure(description: "it refused") }
          return Array(received[5..<(4 + count)])
        }
      }
      guard let more = try await stream.read(upTo: 64 << 10) else {
        throw Failure(description: "it hung up")
      }
      received += more
    }
  }
}
