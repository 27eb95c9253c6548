// SPDX-License-Identifier: Apache-2.0

/// Splits a Dockerfile into instructions: directives, comments, continuation lines, heredocs. The rules are those of
/// BuildKit's parser (`frontend/dockerfile/parser`).
struct DockerfileReader {
  private let file: String
  private let lines: [Substring]
  /// The number of lines read so far, and so the number of the last one.
  private var line = 0
  private(set) var escape: Unicode.Scalar = "\\"
  private(set) var syntax: String?
  private(set) var instructions: [Dockerfile.Instruction] = []

  init(text: String, file: String) {
    self.file = file
    // Over bytes, since Swift takes a carriage return and a line feed for one character.
    var lines = text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map { Substring($0) }
    if lines.last?.isEmpty == true { lines.removeLast() }
    if let first = lines.first, first.unicodeScalars.first == "\u{FEFF}" {
      lines[0] = Substring(first.unicodeScalars.dropFirst())
    }
    self.lines = lines
  }

  mutating func read() throws(ImagesError) {
    try readDirectives()
    while let text = next() {
      let first = line
      let trimmed = Substring(text.unicodeScalars.drop { $0.properties.isWhitespace })
      if trimmed.isEmpty || trimmed.unicodeScalars.first == "#" { continue }
      var (joined, isContinued) = withoutContinuation(Self.withoutCarriageReturn(trimmed))
      while isContinued, let more = next() {
        let start = more.unicodeScalars.first { !$0.properties.isWhitespace }
        // Comments and empty lines inside of an instruction do not end it.
        if start == nil || start == "#" { continue }
        let (part, goesOn) = withoutContinuation(Self.withoutCarriageReturn(more))
        joined += part
        isContinued = goesOn
      }
      if joined.unicodeScalars.allSatisfy(\.properties.isWhitespace) { continue }
      try add(joined, from: first)
    }
    if instructions.isEmpty { throw error("there is no instruction in it", line: max(line, 1)) }
  }

  private mutating func next() -> Substring? {
    guard line < lines.count else { return nil }
    line += 1
    return lines[line - 1]
  }

  /// `# name=value` lines on top of the file; anything else, other comments included, ends them.
  private mutating func readDirectives() throws(ImagesError) {
    var seen: Set<String> = []
    while line < lines.count, let (name, value) = Self.directive(lines[line]) {
      guard ["escape", "syntax", "check"].contains(name) else { return }
      line += 1
      guard seen.insert(name).inserted else { throw error("'# \(name)=' stands there twice", line: line) }
      switch name {
      case "escape":
        guard value == "\\" || value == "`", let scalar = value.unicodeScalars.first else {
          throw error("'# escape=\(value)': only \\ and ` can escape", line: line)
        }
        escape = scalar
      case "syntax": syntax = value
      default: break
      }
    }
  }

  private static func directive(_ line: Substring) -> (name: String, value: String)? {
    let text = ShellWord.trimmed(line)
    guard text.first == "#", let equals = text.firstIndex(of: "=") else { return nil }
    let name = ShellWord.trimmed(text[..<equals].dropFirst())
    let value = ShellWord.trimmed(text[text.index(after: equals)...])
    guard let first = name.first, first.isASCII, first.isLetter, !value.isEmpty,
      name.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber) })
    else { return nil }
    return (name.lowercased(), String(value))
  }

  private static func withoutCarriageReturn(_ line: Substring) -> Substring {
    var line = line.unicodeScalars
    while line.last == "\r" { line.removeLast() }
    return Substring(line)
  }

  /// A line ends in a continuation with one escape character, blanks after it allowed; two of them are none.
  private func withoutContinuation(_ line: Substring) -> (String, isContinued: Bool) {
    var scalars = line.unicodeScalars
    while let last = scalars.last, last == " " || last == "\t" { scalars.removeLast() }
    guard scalars.last == escape else { return (String(line), false) }
    scalars.removeLast()
    return scalars.last == escape ? (String(line), false) : (String(scalars), true)
  }

  private mutating func add(_ text: String, from first: Int) throws(ImagesError) {
    var instruction = try Self.instruction(text, lines: first...line, escape: escape, file: file)
    for start in HeredocStart.find(in: instruction) { instruction.heredocs.append(try heredoc(start, from: first)) }
    instruction.lines = first...line
    instructions.append(instruction)
  }

  /// Splits the joined lines of one instruction.
  static func instruction(
    _ text: String, lines: ClosedRange<Int>, escape: Unicode.Scalar, file: String
  ) throws(ImagesError) -> Dockerfile.Instruction {
    let word = ShellWord.firstWord(text)
    let keyword = word.uppercased()
    guard keywords.contains(keyword) else {
      throw ImagesError(.dockerfile, file: file, line: lines.lowerBound, "unknown instruction '\(word)'")
    }
    let (flags, arguments) = flags(ShellWord.trimmed(text.dropFirst(word.count)), escape: escape)
    guard !arguments.isEmpty else {
      throw ImagesError(.dockerfile, file: file, line: lines.lowerBound, "\(keyword) needs an argument")
    }
    return Dockerfile.Instruction(
      keyword: keyword, flags: flags, arguments: String(arguments), heredocs: [], lines: lines)
  }

  private mutating func heredoc(_ start: HeredocStart, from first: Int) throws(ImagesError) -> Dockerfile.Heredoc {
    var content = ""
    while let text = next() {
      let tabless = start.stripsTabs ? Substring(text.unicodeScalars.drop { $0 == "\t" }) : text
      if Self.withoutCarriageReturn(tabless) == start.name {
        return Dockerfile.Heredoc(name: start.name, content: content)
      }
      content += tabless + "\n"
    }
    throw error("the text after <<\(start.name) does not end: no line '\(start.name)' follows", line: first)
  }

  /// The `--name=value` words that lead the arguments. As in BuildKit, a word `--` ends them.
  private static func flags(_ text: Substring, escape: Unicode.Scalar) -> ([Dockerfile.Flag], Substring) {
    var flags: [Dockerfile.Flag] = []
    var rest = text
    while rest.hasPrefix("--") {
      let word = ShellWord.rawWords(rest, escape: escape, limit: 1).first ?? rest
      rest = ShellWord.trimmed(rest[word.endIndex...])
      if word == "--" { break }
      let parts = word.dropFirst(2).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let value = parts.count > 1 ? ShellWord.unquoted(parts[1], escape: escape) : nil
      flags.append(Dockerfile.Flag(name: parts[0].lowercased(), value: value))
    }
    return (flags, rest)
  }

  private func error(_ message: String, line: Int) -> ImagesError {
    ImagesError(.dockerfile, file: file, line: line, message)
  }

  private static let keywords: Set<String> = [
    "ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL", "MAINTAINER",
    "ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR",
  ]
}
