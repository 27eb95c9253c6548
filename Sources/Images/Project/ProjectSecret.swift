// SPDX-License-Identifier: Apache-2.0

public import SystemPackage

/// A BuildKit secret: its id, and where this laptop finds its value. The value itself is never part of a project.
public struct ProjectSecret: Hashable, Sendable {
  public enum Source: Hashable, Sendable {
    /// An absolute path.
    case file(FilePath)
    /// The name of an environment variable.
    case environment(String)
  }

  /// What `RUN --mount=type=secret,id=…` names.
  public var id: String
  public var source: Source

  /// What an id may be: it is a field of `--secret id=…,src=…`, in which a comma would begin another, and a file's name.
  public static func isID(_ text: String) -> Bool {
    !text.isEmpty && text != "." && text != ".."
      && text.unicodeScalars.allSatisfy { TagGrammar.isTagScalar($0) || ("A"..."Z").contains($0) }
  }

  public static let idRule = "write letters, digits, '.', '_' and '-'"

  public init(id: String, source: Source) {
    self.id = id
    self.source = source
  }
}
