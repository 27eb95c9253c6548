// SPDX-License-Identifier: Apache-2.0

import Testing
import Vocabulary

@testable import Images

@Suite struct DockerfileTests {
  private func read(_ text: String) throws -> Dockerfile { try Dockerfile(text: text, file: "Dockerfile") }

  private func error(_ text: String) -> String {
    do {
      _ = try read(text)
      return "no error"
    } catch {
      return "\(error)"
    }
  }

  @Test func instructionsKeepTheirLines() throws {
    let file = try read(
      """
      # syntax=docker/dockerfile:1.7
      # a comment

      FROM python:3.12-slim AS Build
      RUN apt-get update && \\
          # inside
          apt-get install -y \\

            poppler-utils
      COPY --from=build --chown=1:1 /a /b
      """)
    #expect(file.syntax == "docker/dockerfile:1.7")
    #expect(file.instructions.map(\.keyword) == ["FROM", "RUN", "COPY"])
    #expect(file.instructions.map(\.lines) == [4...4, 5...9, 10...10])
    #expect(
      file.instructions[1].arguments == "apt-get update &&     apt-get install -y       poppler-utils")
    #expect(file.instructions[2].flags.map(\.name) == ["from", "chown"])
    #expect(file.instructions[2].flags.map(\.value) == ["build", "1:1"])
    #expect(file.instructions[2].arguments == "/a /b")
    #expect(file.stages.map(\.name) == ["build"])
    #expect(file.stages[0].instructions.count == 2)
  }

  @Test func carriageReturnsAndByteOrderMark() throws {
    let file = try read("\u{FEFF}# escape=`\r\nFROM a\r\nRUN x `\r\n  y\r\nRUN <<E\r\nFROM b\r\nE\r\nUSER u\r\n")
    #expect(file.escape == "`")
    #expect(file.instructions.map(\.keyword) == ["FROM", "RUN", "RUN", "USER"])
    #expect(file.instructions.map(\.arguments) == ["a", "x   y", "<<E", "u"])
    #expect(file.stages[0].base == "a")
  }

  @Test(arguments: [
    // A directive after a comment is a comment.
    ("# hi\n# escape=`\nFROM a\nRUN x `\n", ["FROM", "RUN"]),
    ("# unknown=1\n# escape=`\nFROM a\nRUN x \\\n y\n", ["FROM", "RUN"]),
    // Two escape characters at the end do not continue the line; blanks after one do no harm.
    ("FROM a\nRUN x \\\\\nRUN y", ["FROM", "RUN", "RUN"]),
    ("FROM a\nRUN x \\  \nRUN y", ["FROM", "RUN"]),
    ("FROM a\nRUN x \\", ["FROM", "RUN"]),
    ("from a\n  run x\n", ["FROM", "RUN"]),
    ("FROM a\n\\\nRUN x\n", ["FROM", "RUN"]),
  ])
  func lines(_ text: String, keywords: [String]) throws {
    #expect(try read(text).instructions.map(\.keyword) == keywords)
  }

  @Test(arguments: [
    ("RUN <<EOF\nFROM x\n# not a comment\n\nEOF", ["FROM x\n# not a comment\n\n"]),
    ("RUN python3 - <<'PY' > /log\nprint(1) \\\nPY", ["print(1) \\\n"]),
    ("RUN cat <<-A 3<<\"B\"\n\tx\n\tA\ny\nB", ["x\n", "y\n"]),
    ("COPY <<a.txt <<b.txt /dir/\n1\na.txt\n2\nb.txt", ["1\n", "2\n"]),
    ("ONBUILD RUN <<E\nx\nE", ["x\n"]),
    // None of these begins a heredoc.
    ("RUN cat <<<EOF", []), ("RUN echo $((1<<2))", []), ("RUN echo \"<<EOF\"", []), ("RUN [\"echo\", \"<<EOF\"]", []),
    ("RUN cat<<EOF", []), ("ENV A=<<EOF", []), ("RUN echo it's <<EOF", []), ("RUN a << EOF", []),
  ])
  func heredocs(_ instruction: String, contents: [String]) throws {
    let file = try read("FROM a\n\(instruction)\nUSER end\n")
    #expect(file.instructions.count == 3)
    #expect(file.instructions[1].heredocs.map(\.content) == contents)
    #expect(file.instructions[2].arguments == "end")
  }

  @Test(arguments: [
    ("", "Dockerfile:1: there is no instruction in it"),
    ("# only\n\n", "Dockerfile:2: there is no instruction in it"),
    ("ARG A=1", "Dockerfile: there is no FROM in it"),
    ("FROM a\nRUNN x", "Dockerfile:2: unknown instruction 'RUNN'"),
    ("FROM a\n\nRUN\n", "Dockerfile:3: RUN needs an argument"),
    ("RUN x\nFROM a", "Dockerfile:1: RUN stands before the first FROM, where only ARG may"),
    ("FROM a b", "Dockerfile:1: expected FROM IMAGE or FROM IMAGE AS NAME, found 'a b'"),
    (
      "FROM a AS 1b",
      "Dockerfile:1: '1b' cannot be a stage's name: write a letter first, then letters, digits, '-', '_' and '.'"
    ),
    ("FROM --plattform=x a", "Dockerfile:1: FROM knows no --plattform"),
    ("ARG =1\nFROM a", "Dockerfile:1: ARG needs a name before the '='"),
    ("# escape=x\nFROM a", "Dockerfile:1: '# escape=x': only \\ and ` can escape"),
    ("# syntax=a\n# syntax=b\nFROM a", "Dockerfile:2: '# syntax=' stands there twice"),
    ("FROM a\nRUN <<EOF\nx\nEOF2\n", "Dockerfile:2: the text after <<EOF does not end: no line 'EOF' follows"),
  ])
  func syntaxErrors(_ text: String, message: String) {
    #expect(error(text) == message)
  }

  @Test func declaredArguments() throws {
    let file = try read("ARG REGISTRY OWNER=\"a b\"\nFROM a\nARG PIP_INDEX_URL\nFROM b\nARG X=1 Y\n")
    #expect(file.declaredArguments == ["REGISTRY", "OWNER", "PIP_INDEX_URL", "X", "Y"])
    #expect(file.globalArguments.map(\.name) == ["REGISTRY", "OWNER"])
    #expect(file.accepts(argument: "https_proxy"))
    #expect(!file.accepts(argument: "Https_Proxy"))
    #expect(file.accepts(argument: "BUILDKIT_INLINE_CACHE"))
    #expect(!file.accepts(argument: "Z"))
  }

  @Test func digestIsOfTheBytes() throws {
    let bytes = Array("FROM a\r\n# \u{E9}".utf8) + [0xFF]
    #expect(try Dockerfile(bytes: bytes, file: "d").digest == Digest.sha256(of: bytes))
  }
}
