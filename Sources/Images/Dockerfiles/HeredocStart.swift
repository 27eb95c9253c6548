// SPDX-License-Identifier: Apache-2.0

/// A word such as `<<EOF` or `<<-"EOF"`, after which an instruction's text follows on lines of its own.
struct HeredocStart {
  var name: String
  /// Whether the lines' leading tabs are dropped, the last line's too.
  var stripsTabs: Bool

  /// The heredocs that an instruction begins, in their order: `RUN`, `COPY` and `ADD` can, also after `ONBUILD`.
  static func find(in instruction: Dockerfile.Instruction) -> [HeredocStart] {
    var keyword = instruction.keyword
    var arguments = Substring(instruction.arguments)
    if keyword == "ONBUILD" {
      let word = ShellWord.firstWord(arguments)
      keyword = word.uppercased()
      arguments = ShellWord.trimmed(arguments.dropFirst(word.count))
    }
    guard ["RUN", "COPY", "ADD"].contains(keyword), arguments.contains("<<"), !isList(arguments) else { return [] }
    // BuildKit finds these words with a backslash as escape, whatever the file's own is, and finds none where a quote
    // is left open.
    guard ShellWord.isClosed(arguments, escape: "\\") else { return [] }
    return ShellWord.rawWords(arguments, escape: "\\").compactMap(parse)
  }

  /// Whether it is the form of a JSON list, in which no word is the shell's.
  private static func isList(_ arguments: Substring) -> Bool {
    let text = ShellWord.trimmed(arguments)
    guard text.first == "[", text.last == "]" else { return false }
    let inner = ShellWord.trimmed(text.dropFirst().dropLast())
    return inner.isEmpty || (inner.first == "\"" && inner.last == "\"")
  }

  /// Digits of a file descriptor, `<<`, perhaps `-`, and a name without `<`.
  private static func parse(_ word: Substring) -> HeredocStart? {
    var rest = word.drop { $0.isASCII && $0.isNumber }
    guard rest.hasPrefix("<<") else { return nil }
    rest = rest.dropFirst(2)
    let stripsTabs = rest.first == "-"
    if stripsTabs { rest = rest.dropFirst() }
    let name = ShellWord.unquoted(rest, escape: "\\")
    guard !rest.isEmpty, !rest.contains("<"), !name.isEmpty else { return nil }
    return HeredocStart(name: name, stripsTabs: stripsTabs)
  }
}
