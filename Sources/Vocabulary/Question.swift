// SPDX-License-Identifier: Apache-2.0

/// What a person is asked in one piece, at a terminal that others may want to ask at too.
///
/// Texts may be a host's own words: whoever shows them escapes them.
public struct Question: Hashable, Sendable {
  public struct Prompt: Hashable, Sendable {
    public var text: String
    /// Whether what is typed may be seen.
    public var echoes: Bool

    public init(_ text: String, echoes: Bool = false) {
      self.text = text
      self.echoes = echoes
    }
  }

  /// Lines to show before the first prompt.
  public var heading: [String]
  /// None: the heading is to be shown, and there is nothing to answer.
  public var prompts: [Prompt]

  public init(heading: [String] = [], prompts: [Prompt]) {
    self.heading = heading
    self.prompts = prompts
  }
}
