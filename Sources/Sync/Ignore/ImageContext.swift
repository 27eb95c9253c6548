// SPDX-License-Identifier: Apache-2.0

/// Where an image is built from.
public struct ImageContext: Codable, Hashable, Sendable {
  /// The image's name.
  public var image: String
  /// The context's directory, relative to the workspace; empty for the workspace itself.
  public var directory: String
  /// The Dockerfile, relative to the workspace; it may lie outside of the context.
  public var dockerfile: String

  public init(image: String, directory: String = "", dockerfile: String) {
    self.image = image
    self.directory = directory
    self.dockerfile = dockerfile
  }
}
