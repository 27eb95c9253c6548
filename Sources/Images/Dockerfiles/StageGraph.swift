// SPDX-License-Identifier: Apache-2.0

internal import Vocabulary

/// Which stages a build needs, and which images these stand on, with all variables put in.
struct StageGraph {
  /// Where files or a whole file system come from.
  enum Source: Hashable {
    case stage(Int)
    case image(String)
    /// `FROM scratch`: nothing.
    case scratch
  }

  private let dockerfile: Dockerfile
  /// What each stage is `FROM`, by its index; a failure matters only where the stage is needed.
  private let bases: [Result<Source, ImagesError>]

  init(_ dockerfile: Dockerfile, arguments: [String: String], platform: Platform?) throws(ImagesError) {
    self.dockerfile = dockerfile
    let variables = try Self.variables(dockerfile, arguments, platform)
    var bases: [Result<Source, ImagesError>] = []
    for stage in dockerfile.stages {
      bases.append(try Self.base(of: stage, in: dockerfile, variables))
    }
    self.bases = bases
  }

  /// The stage that `--target` names, by name or number; without one, the last.
  func target(_ name: String?) throws(ImagesError) -> Int {
    guard let name else { return dockerfile.stages.count - 1 }
    if let index = dockerfile.stages.lastIndex(where: { $0.name == name.lowercased() }) { return index }
    if let index = Int(name), dockerfile.stages.indices.contains(index) { return index }
    let names = dockerfile.stages.compactMap(\.name)
    let known = names.isEmpty ? "its stages have no names" : "its stages are \(names.joined(separator: ", "))"
    throw ImagesError(.dockerfile, file: dockerfile.file, "there is no stage '\(name)' to build; \(known)")
  }

  /// The images that the stage `target` needs, in the order of the file, each once.
  func images(target: Int) throws(ImagesError) -> [String] {
    var sources: [Int: [Source]] = [:]
    try visit(target, path: [], &sources)
    var images: [String] = []
    for index in sources.keys.sorted() {
      for case .image(let reference) in sources[index] ?? [] where !images.contains(reference) {
        images.append(reference)
      }
    }
    return images
  }

  /// The image at the end of the `FROM`s that begin at `target`; `nil` for `scratch`.
  func baseImage(target: Int) throws(ImagesError) -> String? {
    switch try bases[target].get() {
    case .stage(let index): try baseImage(target: index)
    case .image(let reference): reference
    case .scratch: nil
    }
  }

  private func visit(_ index: Int, path: [Int], _ sources: inout [Int: [Source]]) throws(ImagesError) {
    if path.contains(index) {
      let names = (path.drop { $0 != index } + [index]).map { dockerfile.stages[$0].name ?? "\($0)" }
      throw dockerfile.error(
        "stages stand on one another in a circle: \(names.joined(separator: " → "))",
        line: dockerfile.stages[index].line)
    }
    guard sources[index] == nil else { return }
    let needed = try needs(of: index)
    for case .stage(let other) in needed { try visit(other, path: path + [index], &sources) }
    sources[index] = needed
  }

  private func needs(of index: Int) throws(ImagesError) -> [Source] {
    let base = try bases[index].get()
    var needs = [base]
    // Triggers of a stage run in those that are FROM it.
    if case .stage(let other) = base {
      for instruction in dockerfile.stages[other].instructions where instruction.keyword == "ONBUILD" {
        needs += try sources(of: dockerfile.triggered(instruction))
      }
    }
    for instruction in dockerfile.stages[index].instructions { needs += try sources(of: instruction) }
    return needs
  }

  /// What one instruction takes from elsewhere: `COPY --from` knows stages by name and number, `RUN --mount` by name.
  private func sources(of instruction: Dockerfile.Instruction) throws(ImagesError) -> [Source] {
    let line = instruction.lines.lowerBound
    switch instruction.keyword {
    case "COPY":
      return try instruction.values(of: "from").map { from throws(ImagesError) in
        if let number = Int(from) {
          guard dockerfile.stages.indices.contains(number) else {
            throw dockerfile.error("COPY --from=\(number): there is no stage of that number", line: line)
          }
          return .stage(number)
        }
        return try source(from, option: "COPY --from=\(from)", line: line)
      }
    case "RUN":
      var sources: [Source] = []
      for mount in instruction.values(of: "mount").map(Self.fields) {
        guard let from = mount["from"], ["bind", "cache"].contains(mount["type"] ?? "bind") else { continue }
        sources.append(try source(from, option: "RUN --mount=…from=\(from)", line: line))
      }
      return sources
    default: return []
    }
  }

  private func source(_ from: String, option: String, line: Int) throws(ImagesError) -> Source {
    if from.contains("$") {
      throw dockerfile.error(
        "\(option): variables are not put in here; give the image a stage of its own with FROM \(from) AS NAME",
        line: line)
    }
    if let index = dockerfile.stages.lastIndex(where: { $0.name == from.lowercased() }) { return .stage(index) }
    if from == "scratch" { return .scratch }
    guard ImageReference(from) != nil else {
      throw dockerfile.error("\(option): this is neither a stage nor an image's reference", line: line)
    }
    return .image(from)
  }

  /// The comma-separated `name=value` fields of a mount; a field in double quotes may hold commas.
  private static func fields(_ mount: String) -> [String: String] {
    var fields: [String: String] = [:]
    var isQuoted = false
    let parts = mount.split(omittingEmptySubsequences: true) { character in
      if character == "\"" { isQuoted.toggle() }
      return character == "," && !isQuoted
    }
    for part in parts {
      let pair = part.filter { $0 != "\"" }.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      fields[pair[0].lowercased()] = pair.count > 1 ? String(pair[1]) : ""
    }
    return fields
  }

  /// As in BuildKit, a `FROM` whose variables leave nothing is an error in every stage, a reference that is none only
  /// where it is needed.
  private static func base(
    of stage: Dockerfile.Stage, in dockerfile: Dockerfile, _ variables: [String: String]
  ) throws(ImagesError) -> Result<Source, ImagesError> {
    let base = try expand(stage.base, dockerfile, variables, line: stage.line)
    guard !base.isEmpty else {
      throw dockerfile.error("FROM \(stage.base) names no image: its variables are empty", line: stage.line)
    }
    // Only stages that stand above it, of those with one name the nearest.
    if let index = dockerfile.stages[..<stage.index].lastIndex(where: { $0.name == base }) {
      return .success(.stage(index))
    }
    if base == "scratch" { return .success(.scratch) }
    guard ImageReference(base) != nil else {
      let written = base == stage.base ? "" : " (\(stage.base))"
      return .failure(
        dockerfile.error("FROM \(base)\(written) is not an image's reference", line: stage.line))
    }
    return .success(.image(base))
  }

  /// The variables that `FROM` lines can use: arguments declared before the first of them, and the platform's.
  private static func variables(
    _ dockerfile: Dockerfile, _ arguments: [String: String], _ platform: Platform?
  ) throws(ImagesError) -> [String: String] {
    var variables: [String: String] = [:]
    if let platform {
      for side in ["BUILD", "TARGET"] {
        variables["\(side)PLATFORM"] = platform.description
        variables["\(side)OS"] = platform.os
        variables["\(side)ARCH"] = platform.architecture
        variables["\(side)VARIANT"] = platform.variant ?? ""
      }
    }
    for argument in dockerfile.globalArguments {
      if let given = arguments[argument.name] {
        variables[argument.name] = given
      } else if let text = argument.defaultValue {
        variables[argument.name] = try expand(text, dockerfile, variables, line: argument.line)
      } else {
        // A second ARG without a default takes the first one's away.
        variables[argument.name] = nil
      }
    }
    return variables
  }

  private static func expand(
    _ word: String, _ dockerfile: Dockerfile, _ variables: [String: String], line: Int
  ) throws(ImagesError) -> String {
    do {
      return try ShellExpansion.expand(word, escape: dockerfile.escape, variables: variables)
    } catch {
      throw dockerfile.error("\(word): \(error.message)", line: line)
    }
  }
}
