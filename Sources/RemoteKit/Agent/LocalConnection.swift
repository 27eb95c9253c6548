// SPDX-License-Identifier: Apache-2.0

internal import SystemPackage
internal import Wire

/// A TCP connection from this machine, as a byte stream.
enum LocalConnection {
  static func open(to address: String, port: Int, host: String, timeout: Duration) throws -> any ByteStream {
    let transport: TCPTransport
    do throws(TCPFailure) {
      transport = try TCPTransport.connect(
        TCPTarget(name: address, port: port), deadline: .now + timeout, isCancelled: { Task.isCancelled })
    } catch {
      var failure = error.remoteError(host: host, name: address, port: port)
      failure.hint = "Check that something listens there."
      throw failure
    }
    return try DescriptorStream(reading: transport.descriptor, writing: transport.descriptor)
  }
}
