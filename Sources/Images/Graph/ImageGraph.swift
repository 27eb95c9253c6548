// SPDX-License-Identifier: Apache-2.0

internal import Vocabulary

/// Which images of a project stand on which others, as their Dockerfiles say.
///
/// An image stands on another of the project where its build needs a reference whose repository is
/// `registry/owner/name` with the name of that other image, whatever its tag. Only the stages that the build needs count.
public struct ImageGraph: Sendable {
  /// One image that another of the same project stands on.
  public struct OwnBase: Hashable, Sendable {
    /// The reference as the Dockerfile gives it.
    public var reference: String
    /// The name of the image that it means.
    public var image: String
    /// The tag that it asks for; `nil` where it names none (Docker takes `latest`) or only a digest.
    public var tag: String?
  }

  public let registry: String
  public let owner: String
  /// In the order of the file.
  public let images: [ProjectImage]
  /// All names, each after those that it stands on; otherwise in the order of the file.
  public let order: [String]
  let dockerfiles: [String: Dockerfile]
  /// By the name of the image that stands on them.
  let bases: [String: [String]]

  /// Throws where `registry` and `owner` cannot begin a reference, where an image's Dockerfile cannot be read as far as its bases, and where images stand on one another in a
  /// circle.
  /// - Parameters:
  ///   - dockerfiles: one for each image, by its name.
  ///   - registry: the address that images are pushed to, for `REGISTRY`.
  ///   - owner: for `OWNER`.
  public init(
    project: Project, dockerfiles: [String: Dockerfile], registry: String, owner: String
  ) throws(ImagesError) {
    // What the command line says was read by nobody yet.
    guard RegistryAddress.normalized(registry) == registry else {
      throw ImagesError(
        .address,
        "'\(registry)' is not a registry's address such as gitea.example.com or localhost:5000, in small letters")
    }
    guard ImageReference("\(registry)/\(owner)/x") != nil else {
      throw ImagesError(
        .address, "'\(owner)' cannot be an owner: write lower-case letters and digits, joined by '-', '.' or '_'")
    }
    self.registry = registry
    self.owner = owner
    images = project.images
    self.dockerfiles = dockerfiles
    let names = Set(images.map(\.name))
    var bases: [String: [String]] = [:]
    for image in images {
      guard let dockerfile = dockerfiles[image.name] else {
        throw ImagesError(.unknownImage, "the Dockerfile of '\(image.name)' was not read")
      }
      let given = BuildArguments(image: image, registry: registry, owner: owner, baseVersion: Self.someVersion)
      var own: [String] = []
      for reference in try Self.references(image, dockerfile, given, platform: nil) {
        guard let name = Self.ownName(reference, registry, owner), names.contains(name), !own.contains(name) else {
          continue
        }
        own.append(name)
      }
      bases[image.name] = own
    }
    self.bases = bases
    order = try Self.ordered(images.map(\.name), bases)
  }

  /// The images of the project that `image` stands on directly.
  public func bases(of image: String) -> [String] { bases[image] ?? [] }

  /// The images that stand on `image`, directly or through others, in building order.
  public func dependents(of image: String) -> [String] {
    var found: Set<String> = [image]
    for name in order where bases(of: name).contains(where: found.contains) { found.insert(name) }
    return order.filter { $0 != image && found.contains($0) }
  }

  /// The names `images` in building order. Throws for one that the project does not have.
  public func ordered(_ names: [String]) throws(ImagesError) -> [String] {
    for name in names where bases[name] == nil {
      let known = images.map(\.name).joined(separator: ", ")
      throw ImagesError(.unknownImage, "there is no image '\(name)' in \(Project.fileName); it has \(known)")
    }
    return order.filter(names.contains)
  }

  /// The name of the image that `reference` would be in this project, were there one.
  static func ownName(_ reference: String, _ registry: String, _ owner: String) -> String? {
    // A name that no image has makes this project's prefix a reference of its own.
    guard let reference = ImageReference(reference), let own = ImageReference("\(registry)/\(owner)/x") else {
      return nil
    }
    let prefix = own.repository.dropLast()
    guard reference.registry == own.registry, reference.repository.hasPrefix(prefix) else { return nil }
    return String(reference.repository.dropFirst(prefix.count))
  }

  /// Stands for a version where only the repository of a reference matters.
  static let someVersion = "v0.0.0"

  private static func ordered(_ names: [String], _ bases: [String: [String]]) throws(ImagesError) -> [String] {
    var order: [String] = []
    func visit(_ name: String, _ path: [String]) throws(ImagesError) {
      if order.contains(name) { return }
      if path.contains(name) {
        let circle = path.drop { $0 != name } + [name]
        throw ImagesError(
          .cycle, "images stand on one another in a circle: \(circle.joined(separator: " → ")); see their FROM lines")
      }
      for base in bases[name] ?? [] { try visit(base, path + [name]) }
      order.append(name)
    }
    for name in names { try visit(name, []) }
    return order
  }

  /// What the build of `image` needs, with the arguments that it is given.
  static func references(
    _ image: ProjectImage, _ dockerfile: Dockerfile, _ arguments: BuildArguments, platform: Platform?
  ) throws(ImagesError) -> [String] {
    try dockerfile.baseReferences(
      arguments: arguments.passed(to: dockerfile), target: image.target, platform: platform)
  }
}
