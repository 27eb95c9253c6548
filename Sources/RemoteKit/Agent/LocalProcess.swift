// SPDX-License-Identifier: Apache-2.0

internal import SystemPackage
internal import Wire

/// A process on this machine, its standard input and output as a byte stream.
final class LocalProcess: ByteStream {
  let child: ChildProcess
  private let stream: DescriptorStream

  init(
    _ path: FilePath, arguments: [String] = [], environment: [String: String], endsGroup: Bool = false
  ) throws {
    child = try ChildProcess(path, arguments: arguments, environment: environment, endsGroup: endsGroup)
    do {
      stream = try DescriptorStream(reading: child.output, writing: child.input)
    } catch {
      for end in [child.input, child.output] { try? end.close() }
      child.end()
      throw error
    }
  }

  func read(upTo limit: Int) async throws -> [UInt8]? { try await stream.read(upTo: limit) }

  func write(_ bytes: [UInt8]) async throws { try await stream.write(bytes) }

  func finishWriting() async throws { try await stream.finishWriting() }

  /// Closes the pipes; the process ends by itself when its input does, as an agent on a host does.
  func close() async { await stream.close() }

  var standardErrorTail: String { child.standardErrorTail }
}
