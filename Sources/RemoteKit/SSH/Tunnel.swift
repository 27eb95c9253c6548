// SPDX-License-Identifier: Apache-2.0

internal import Synchronization
internal import SystemPackage
internal import Wire

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// A channel of one session as the transport of the next.
///
/// Each session has a loop of its own, so nothing of one is called from a callback of the other: two tasks move the bytes
/// between the channel and a pair of sockets, of which the inner session has one end. The sockets hold back whoever is
/// too fast.
final class Tunnel: Sendable {
  let transport: DescriptorTransport
  private let pump: Task<Void, Never>
  private static let unit = 128 << 10

  /// - Parameter jump: the jump host whose session the channel is of; a failure of that session is said of it.
  init(_ channel: any ByteStream, through jump: JumpHost?) throws {
    let (inner, outer) = try DescriptorStream.socketPair()
    let cause = Cause()
    let stream: DescriptorStream
    do {
      stream = try DescriptorStream(reading: outer, writing: outer)
    } catch {
      for end in [inner, outer] { try? end.close() }
      throw error
    }
    transport = DescriptorTransport(input: inner, output: inner, reason: { cause.error })
    pump = Task {
      await withTaskGroup(of: Void.self) { group in
        group.addTask {
          do {
            while let bytes = try await stream.read(upTo: Self.unit) { try await channel.write(bytes) }
            try await channel.finishWriting()
          } catch {
            cause.note((error as? RemoteError)?.at(jump))
            await stream.close()
          }
        }
        group.addTask {
          do {
            while let bytes = try await channel.read(upTo: Self.unit) { try await stream.write(bytes) }
            try await stream.finishWriting()
          } catch {
            cause.note((error as? RemoteError)?.at(jump))
            await stream.close()
          }
        }
      }
      await stream.close()
      await channel.close()
    }
  }

  /// Gives up what is still on its way. The inner session must be closed, the outer one not yet.
  func close() async {
    pump.cancel()
    await pump.value
    // Where no session ever took it over.
    transport.close()
  }

  /// The first failure of the channel.
  private final class Cause: Sendable {
    private let first = Mutex<RemoteError?>(nil)

    var error: RemoteError? { first.withLock { $0 } }

    // A stream that was closed on this side is no reason: it was closed for one.
    func note(_ error: RemoteError?) {
      guard let error, error.code != .closed else { return }
      first.withLock { $0 = $0 ?? error }
    }
  }
}

extension DescriptorStream {
  /// Two connected sockets that no program inherits.
  fileprivate static func socketPair() throws -> (FileDescriptor, FileDescriptor) {
    var ends: [CInt] = [-1, -1]
    #if canImport(Glibc)
      let kind = CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue)
    #else
      let kind = SOCK_STREAM
    #endif
    guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else { throw Errno(rawValue: errno) }
    #if !canImport(Glibc)
      for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    #endif
    return (FileDescriptor(rawValue: ends[0]), FileDescriptor(rawValue: ends[1]))
  }
}
