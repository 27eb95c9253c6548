// SPDX-License-Identifier: Apache-2.0

public import Vocabulary

extension ImageGraph {
  /// What one image's build is given and needs.
  public struct Inputs: Hashable, Sendable {
    /// The arguments that are passed: `REGISTRY`, `OWNER`, `BASE_VERSION` and the image's own, of these the declared.
    public var arguments: [String: String]
    /// The references that the build needs, in the order of the Dockerfile.
    public var bases: [String]
    /// Of these, the ones that mean images of this project.
    public var ownBases: [OwnBase]
    /// The reference that the image stands on, for its labels; `nil` for `scratch`.
    public var baseImage: String?
    /// What a person should know: arguments that the Dockerfile does not declare.
    public var warnings: [String]
  }

  /// The build of `image`, where the versions are `tags`.
  ///
  /// `BASE_VERSION` is the tag of the image that this one stands on: of the one whose reference is written with
  /// `BASE_VERSION`. Where that is no image of the project, it is not passed, and the Dockerfile's default holds.
  ///
  /// Throws where several bases with different versions would share one `BASE_VERSION`, and for an image that the
  /// project does not have.
  /// - Parameters:
  ///   - tags: each image's tag, by name; at least those of the bases.
  ///   - platform: what is built for, where that is known.
  public func inputs(
    of image: String, tags: [String: String], platform: Platform? = nil
  ) throws(ImagesError) -> Inputs {
    guard let own = images.first(where: { $0.name == image }), let dockerfile = dockerfiles[image] else {
      throw ImagesError(.unknownImage, "there is no image '\(image)' in \(Project.fileName)")
    }
    let version = try baseVersion(of: own, dockerfile, tags: tags, platform: platform)
    let given = BuildArguments(image: own, registry: registry, owner: owner, baseVersion: version)
    let arguments = given.passed(to: dockerfile)
    let bases = try dockerfile.baseReferences(arguments: arguments, target: own.target, platform: platform)
    return Inputs(
      arguments: arguments, bases: bases, ownBases: bases.compactMap(ownBase),
      baseImage: try dockerfile.baseImage(arguments: arguments, target: own.target, platform: platform),
      warnings: given.undeclared(in: dockerfile).map {
        "\(image): the argument '\($0)' is not passed, since \(dockerfile.file) declares no ARG \($0)"
      })
  }

  private func ownBase(_ reference: String) -> OwnBase? {
    guard let name = Self.ownName(reference, registry, owner), images.contains(where: { $0.name == name }) else {
      return nil
    }
    return OwnBase(reference: reference, image: name, tag: ImageReference(reference)?.tag)
  }

  private func baseVersion(
    of image: ProjectImage, _ dockerfile: Dockerfile, tags: [String: String], platform: Platform?
  ) throws(ImagesError) -> String? {
    // Which references are written with BASE_VERSION shows when it has another value.
    func found(_ version: String) throws(ImagesError) -> [String] {
      let given = BuildArguments(image: image, registry: registry, owner: owner, baseVersion: version)
      return try Self.references(image, dockerfile, given, platform: platform)
    }
    let first = try found(Self.someVersion)
    let others = Set(try found(Self.someVersion + "-other"))
    var versions: [(image: String, tag: String)] = []
    for base in first.filter({ !others.contains($0) }).compactMap(ownBase) {
      if let tag = tags[base.image], !versions.contains(where: { $0.tag == tag }) { versions.append((base.image, tag)) }
    }
    guard versions.count < 2 else {
      let list = versions.map { "\($0.image) \($0.tag)" }.joined(separator: ", ")
      throw ImagesError(
        .baseVersion, file: dockerfile.file,
        "one BASE_VERSION stands for several versions: \(list); give all but one an ARG of its own, set in 'args'")
    }
    if let version = versions.first { return version.tag }
    // Declared, but not for a FROM: perhaps for a label. It is then the version of what the image stands on.
    let given = BuildArguments(image: image, registry: registry, owner: owner, baseVersion: nil)
    let base = try dockerfile.baseImage(
      arguments: given.passed(to: dockerfile), target: image.target, platform: platform)
    return base.flatMap(ownBase).flatMap { tags[$0.image] }
  }
}
