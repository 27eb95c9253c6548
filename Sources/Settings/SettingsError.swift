// SPDX-License-Identifier: Apache-2.0

/// What is wrong in a file of configuration, and where.
public struct SettingsError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The file as the user knows it, such as `hosts/ml-1.yaml`.
  public var file: String
  /// Counted from 1; 0 when the file as a whole is meant, such as one that cannot be read.
  public var line: Int
  /// Counted from 1, in Unicode scalars.
  public var column: Int
  public var message: String

  public init(file: String, line: Int, column: Int, message: String) {
    self.file = file
    self.line = line
    self.column = column
    self.message = message
  }

  /// `hosts/ml-1.yaml:3:5: what is wrong`, as compilers write it, so that editors can jump there.
  public var description: String { line > 0 ? "\(file):\(line):\(column): \(message)" : "\(file): \(message)" }
}
