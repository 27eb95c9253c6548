// SPDX-License-Identifier: Apache-2.0

extension Dockerfile {
  /// One instruction, its continuation lines joined.
  public struct Instruction: Hashable, Sendable {
    /// In capitals: `RUN`.
    public var keyword: String
    /// The `--name=value` words before the arguments, in their order; a name may occur more than once.
    public var flags: [Flag]
    /// What follows the flags, as it is written.
    public var arguments: String
    public var heredocs: [Heredoc]
    /// From its first line to its last, heredocs included; counted from 1.
    public var lines: ClosedRange<Int>

    /// The values of the flags called `name`.
    func values(of name: String) -> [String] { flags.filter { $0.name == name }.map { $0.value ?? "" } }
  }

  public struct Flag: Hashable, Sendable {
    /// Without the hyphens: `mount`.
    public var name: String
    /// What follows the `=`, without quotes; `nil` where there is none.
    public var value: String?
  }

  public struct Heredoc: Hashable, Sendable {
    public var name: String
    public var content: String
  }

  /// What one word of an `ARG` declares.
  public struct Argument: Hashable, Sendable {
    public var name: String
    /// As it is written, quotes and variables included.
    public var defaultValue: String?
    public var line: Int
  }

  public struct Stage: Hashable, Sendable {
    /// Counted from 0.
    public var index: Int
    /// In lower case; `nil` for a stage without `AS`.
    public var name: String?
    /// What it is `FROM`, as it is written.
    public var base: String
    /// The platform of its base, as it is written.
    public var platform: String?
    /// Where its `FROM` stands.
    public var line: Int
    /// What follows the `FROM`.
    public var instructions: [Instruction] = []
    /// What the `ARG`s among them declare.
    public var arguments: [Argument] = []
  }
}
