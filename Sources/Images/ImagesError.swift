// SPDX-License-Identifier: Apache-2.0

/// What is wrong with the images of a project: a Dockerfile that cannot be read, images that stand on one another in a
/// circle, a version that cannot be a tag. Wrong lines of `remote-build.yaml` are a `SettingsError` instead.
public struct ImagesError: Error, Hashable, Sendable, CustomStringConvertible {
  public enum Code: Hashable, Sendable {
    /// A Dockerfile breaks the syntax, or names a stage or variable that it cannot name.
    case dockerfile
    /// Images of the project stand on one another in a circle.
    case cycle
    /// One `BASE_VERSION` would have to be two versions.
    case baseVersion
    /// A registry's address or an owner that no reference can begin with.
    case address
    /// An image that the project does not have.
    case unknownImage
    /// What Git said cannot be made a tag.
    case version
  }

  public var code: Code
  /// The file as the user knows it, such as `infra/docker/base-ml.Dockerfile`; `nil` where no file is meant.
  public var file: String?
  /// Counted from 1; `nil` where no line is meant.
  public var line: Int?
  public var message: String

  public init(_ code: Code, file: String? = nil, line: Int? = nil, _ message: String) {
    self.code = code
    self.file = file
    self.line = line
    self.message = message
  }

  /// `Dockerfile:3: what is wrong`, as compilers write it.
  public var description: String {
    guard let file else { return message }
    return line.map { "\(file):\($0): \(message)" } ?? "\(file): \(message)"
  }
}
