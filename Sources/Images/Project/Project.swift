// SPDX-License-Identifier: Apache-2.0

/// What `remote-build.yaml` says: where images go, and which there are.
public struct Project: Hashable, Sendable {
  /// The file's name, at the root of the workspace.
  public static let fileName = "remote-build.yaml"

  /// Where images are pushed; `nil` where only the command line says it.
  public var registry: ProjectRegistry?
  /// The owner within the registry, the first part of each repository; `nil` where only the command line says it.
  public var owner: String?
  /// The version of each image that has none of its own.
  public var version: Version?
  /// The moving tag that points to a release, such as `stable`.
  public var channel: String?
  /// In the order of the file, at least one, each under its own name.
  public var images: [ProjectImage]

  public init(
    registry: ProjectRegistry? = nil, owner: String? = nil, version: Version? = nil, channel: String? = nil,
    images: [ProjectImage]
  ) {
    self.registry = registry
    self.owner = owner
    self.version = version
    self.channel = channel
    self.images = images
  }

  /// The image called `name`, where the project has it.
  public subscript(name: String) -> ProjectImage? { images.first { $0.name == name } }

  /// The image's own version, else the project's; `nil` where the file says neither.
  public func version(of image: ProjectImage) -> Version? { image.version ?? version }
}
