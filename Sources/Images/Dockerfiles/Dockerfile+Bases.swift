// SPDX-License-Identifier: Apache-2.0

public import Vocabulary

extension Dockerfile {
  /// The images that a build of `target` needs: those that its stages, directly or through others, are `FROM`, copy from
  /// or mount. Stages that it does not need count for nothing, as in BuildKit. In the order of the file, each once, as
  /// they are written there with the variables put in.
  ///
  /// Throws where a needed `FROM` cannot be read with these arguments, where stages stand on one another in a circle,
  /// and where there is no stage `target`.
  /// - Parameters:
  ///   - arguments: those that the build is given.
  ///   - target: a stage's name or number; `nil` for the last.
  ///   - platform: what is built for; where it is `nil`, `TARGETARCH` and the like are empty.
  public func baseReferences(
    arguments: [String: String] = [:], target: String? = nil, platform: Platform? = nil
  ) throws(ImagesError) -> [String] {
    let graph = try StageGraph(self, arguments: arguments, platform: platform)
    return try graph.images(target: graph.target(target))
  }

  /// The image that `target` stands on: what is at the end of its `FROM`s; `nil` for `scratch`. The same parameters and
  /// errors as ``baseReferences(arguments:target:platform:)``.
  public func baseImage(
    arguments: [String: String] = [:], target: String? = nil, platform: Platform? = nil
  ) throws(ImagesError) -> String? {
    let graph = try StageGraph(self, arguments: arguments, platform: platform)
    let index = try graph.target(target)
    return try graph.baseImage(target: index)
  }

  /// The instruction that an `ONBUILD` holds.
  func triggered(_ instruction: Instruction) throws(ImagesError) -> Instruction {
    try DockerfileReader.instruction(instruction.arguments, lines: instruction.lines, escape: escape, file: file)
  }
}
