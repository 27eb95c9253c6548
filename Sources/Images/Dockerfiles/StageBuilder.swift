// SPDX-License-Identifier: Apache-2.0

/// Sorts a Dockerfile's instructions into stages.
struct StageBuilder {
  let file: String
  let escape: Unicode.Scalar
  private(set) var globalArguments: [Dockerfile.Argument] = []
  private var stages: [Dockerfile.Stage] = []

  init(file: String, escape: Unicode.Scalar) {
    self.file = file
    self.escape = escape
  }

  mutating func add(_ instruction: Dockerfile.Instruction) throws(ImagesError) {
    if instruction.keyword == "FROM" {
      stages.append(try stage(instruction))
      return
    }
    let arguments = instruction.keyword == "ARG" ? try self.arguments(instruction) : []
    if stages.isEmpty {
      guard instruction.keyword == "ARG" else {
        throw error("\(instruction.keyword) stands before the first FROM, where only ARG may", instruction)
      }
      globalArguments += arguments
    } else {
      stages[stages.count - 1].instructions.append(instruction)
      stages[stages.count - 1].arguments += arguments
    }
  }

  func finish() throws(ImagesError) -> [Dockerfile.Stage] {
    if stages.isEmpty { throw ImagesError(.dockerfile, file: file, "there is no FROM in it") }
    return stages
  }

  private func stage(_ instruction: Dockerfile.Instruction) throws(ImagesError) -> Dockerfile.Stage {
    // Not shell words: BuildKit splits a FROM at blanks alone.
    let words = instruction.arguments.unicodeScalars.split(whereSeparator: \.properties.isWhitespace).map(String.init)
    guard words.count == 1 || (words.count == 3 && words[1].uppercased() == "AS") else {
      throw error("expected FROM IMAGE or FROM IMAGE AS NAME, found '\(instruction.arguments)'", instruction)
    }
    for flag in instruction.flags where flag.name != "platform" {
      throw error("FROM knows no --\(flag.name)", instruction)
    }
    let name = words.count == 3 ? words[2].lowercased() : nil
    if let name, !Self.isStageName(name) {
      throw error(
        "'\(words[2])' cannot be a stage's name: write a letter first, then letters, digits, '-', '_' and '.'",
        instruction)
    }
    return Dockerfile.Stage(
      index: stages.count, name: name, base: words[0], platform: instruction.values(of: "platform").last,
      line: instruction.lines.lowerBound)
  }

  private func arguments(_ instruction: Dockerfile.Instruction) throws(ImagesError) -> [Dockerfile.Argument] {
    var arguments: [Dockerfile.Argument] = []
    for word in ShellWord.rawWords(Substring(instruction.arguments), escape: escape) {
      let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      guard !parts[0].isEmpty else { throw error("ARG needs a name before the '='", instruction) }
      arguments.append(
        Dockerfile.Argument(
          name: parts[0], defaultValue: parts.count > 1 ? parts[1] : nil, line: instruction.lines.lowerBound))
    }
    return arguments
  }

  private static func isStageName(_ name: String) -> Bool {
    guard let first = name.unicodeScalars.first, ("a"..."z").contains(first) else { return false }
    return name.unicodeScalars.allSatisfy(TagGrammar.isTagScalar)
  }

  private func error(_ message: String, _ instruction: Dockerfile.Instruction) -> ImagesError {
    ImagesError(.dockerfile, file: file, line: instruction.lines.lowerBound, message)
  }
}
