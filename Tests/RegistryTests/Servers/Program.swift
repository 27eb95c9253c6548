// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A program that a test runs.
struct Program {
  struct Failure: Error, CustomStringConvertible { var description: String }

  /// Runs a program to its end and returns its output.
  @discardableResult
  static func run(_ arguments: String..., input: String = "") async throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = arguments
    let (output, stdin) = (Pipe(), Pipe())
    process.standardOutput = output
    process.standardError = output
    process.standardInput = stdin
    let status = try await withCheckedThrowingContinuation { continuation in
      process.terminationHandler = { continuation.resume(returning: $0.terminationStatus) }
      do {
        try process.run()
        // All that the tests hand over fits into a pipe.
        stdin.fileHandleForWriting.write(Data(input.utf8))
        try stdin.fileHandleForWriting.close()
      } catch { continuation.resume(throwing: error) }
    }
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    guard status == 0 else { throw Failure(description: "\(arguments[0]) ended with \(status): \(text)") }
    return text
  }
}
