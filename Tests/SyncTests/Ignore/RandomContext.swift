// SPDX-License-Identifier: Apache-2.0

/// Trees and ignore files of few names, so that patterns meet paths.
struct RandomContext {
  private var generator: SeededGenerator

  private static let names = ["a", "b", "ab", "abc", ".h", "a.b", "d e", "ü", "[x]", "docs", "web", "#n", "!n", "a*b"]

  init(_ seed: UInt64) { generator = SeededGenerator(seed) }

  /// Paths, what is outermost first; a directory's ends in a slash, a link's in `@`.
  mutating func tree() -> [String] {
    var paths: [String] = []
    func visit(_ directory: String, _ depth: Int) {
      for name in Self.names where generator.oneIn(depth == 0 ? 1 : 2 + depth / 2) {
        let path = directory + name
        switch generator.below(10) {
        case 0: paths.append(path + "@")
        case 1..<(depth < 2 ? 7 : 4) where depth < 3:
          paths.append(path + "/")
          visit(path + "/", depth + 1)
        default: paths.append(path)
        }
      }
    }
    visit("", 0)
    return paths
  }

  mutating func ignoreFile() -> String {
    var lines: [String] = generator.oneIn(3) ? [generator.pick(["*", "**", "*/*", "**/a"])] : []
    for _ in 0...generator.below(5) {
      lines.append((generator.oneIn(3) ? "!" : "") + pattern())
    }
    if generator.oneIn(8) { lines.append(generator.pick(["", "# a comment", " ", "/", ".", "./", "!", "..", "../a"])) }
    return lines.joined(separator: generator.oneIn(10) ? "\r\n" : "\n") + (generator.oneIn(2) ? "\n" : "")
  }

  static func hasException(_ ignoreFile: String) -> Bool {
    ignoreFile.split(whereSeparator: \.isNewline).contains { $0.drop { $0 == " " }.first == "!" }
  }

  private mutating func pattern() -> String {
    var parts = (0...generator.below(3)).map { _ in part() }
    if generator.oneIn(8) { parts.insert("**", at: 0) }
    var text = parts.joined(separator: generator.oneIn(20) ? "//" : "/")
    if generator.oneIn(8) { text = generator.pick(["/", "./", "a/../", " "]) + text }
    if generator.oneIn(8) { text += generator.pick(["/", "/.", "/*", "/**", " "]) }
    return text
  }

  private mutating func part() -> String {
    switch generator.below(12) {
    case 0: return "*"
    case 1: return "**"
    case 2: return "?"
    case 3: return generator.pick(["[a-c]", "[^a]", "[a-c]*", "[]", "[b-a]"])
    case 4: return generator.pick(["a*", "*b", "*.b", "a?c", "**b", "a**", "\\[x]", "a\\*b", "*e", ".*"])
    default: return generator.pick(Self.names)
    }
  }
}
