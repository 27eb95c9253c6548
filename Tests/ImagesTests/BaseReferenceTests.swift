// SPDX-License-Identifier: Apache-2.0

import Testing
import Vocabulary

@testable import Images

@Suite struct BaseReferenceTests {
  private func bases(
    _ text: String, _ arguments: [String: String] = [:], target: String? = nil, platform: Platform? = nil
  ) throws -> [String] {
    try Dockerfile(text: text, file: "D").baseReferences(arguments: arguments, target: target, platform: platform)
  }

  private func error(_ text: String, target: String? = nil) -> String {
    do {
      return "no error: \(try bases(text, target: target))"
    } catch {
      return "\(error)"
    }
  }

  @Test(arguments: [
    ("FROM python:3.12-slim", ["python:3.12-slim"]),
    ("FROM scratch", []),
    ("FROM a AS build\nFROM b\nCOPY --from=build /x /x", ["a", "b"]),
    ("FROM a AS build\nFROM b\nCOPY --from=BUILD /x /x", ["a", "b"]),
    ("FROM a\nFROM b\nCOPY --from=0 /x /x", ["a", "b"]),
    ("FROM a AS unused\nFROM b", ["b"]),
    ("FROM a AS one\nFROM one AS two\nFROM b AS unused\nFROM two", ["a"]),
    ("FROM b\nCOPY --from=ghcr.io/astral/uv:0.5 /uv /uv", ["b", "ghcr.io/astral/uv:0.5"]),
    ("FROM b\nRUN --mount=type=bind,from=tools,target=/t --mount=type=cache,target=/c x", ["b", "tools"]),
    ("FROM b\nRUN --mount=from=docker.io/x/y:1,target=/t x", ["b", "docker.io/x/y:1"]),
    ("FROM b\nRUN --mount=\"type=cache,from=z\" x", ["b", "z"]),
    ("FROM b\nRUN --mount=type=tmpfs,target=/t --mount=type=secret,id=from x --mount=from=no", ["b"]),
    ("FROM a AS t\nFROM b\nRUN --mount=from=t,target=/t x", ["a", "b"]),
    // Not a stage below: FROM looks upward only, and by the exact name.
    ("FROM later\nFROM x AS later", ["x"]),
    ("FROM later AS one\nFROM x AS later\nFROM one", ["later"]),
    // COPY looks at all stages.
    ("FROM a AS one\nCOPY --from=two /x /x\nFROM b AS two\nFROM one", ["a", "b"]),
    // Of two stages with one name, FROM takes the nearest above.
    ("FROM a AS x\nFROM b AS x\nFROM x", ["b"]),
    ("FROM b\nRUN echo FROM c\nRUN <<E\nFROM d\nCOPY --from=e / /\nE", ["b"]),
    // A trigger runs in the stage that is FROM its own, not in its own.
    ("FROM a AS one\nONBUILD COPY --from=extra /x /x\nFROM one", ["a", "extra"]),
    ("FROM a AS one\nONBUILD COPY --from=extra /x /x", ["a"]),
    ("FROM a\nFROM a", ["a"]),
    (
      "FROM a@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
      [
        "a@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
      ]
    ),
  ])
  func stages(_ text: String, references: [String]) throws {
    #expect(try bases(text) == references)
  }

  @Test func targets() throws {
    let text = "FROM a AS one\nFROM b AS two\nCOPY --from=one / /\nFROM c"
    #expect(try bases(text) == ["c"])
    #expect(try bases(text, target: "two") == ["a", "b"])
    #expect(try bases(text, target: "TWO") == ["a", "b"])
    #expect(try bases(text, target: "0") == ["a"])
  }

  @Test func baseImageIsTheEndOfTheChain() throws {
    let file = try Dockerfile(text: "FROM a AS one\nFROM b AS two\nFROM one\nCOPY --from=two / /", file: "D")
    #expect(try file.baseImage() == "a")
    #expect(try file.baseImage(target: "two") == "b")
    #expect(try Dockerfile(text: "FROM scratch", file: "D").baseImage() == nil)
  }

  /// The user's own way of writing a base, and the scopes of ARG.
  @Test func arguments() throws {
    let text = """
      ARG REGISTRY=localhost:5000
      ARG OWNER
      ARG BASE_VERSION=v1.0.1
      ARG BASE=${REGISTRY}/${OWNER:-nobody}/base-ml:$BASE_VERSION
      FROM ${BASE}
      ARG BASE_VERSION
      """
    #expect(try bases(text) == ["localhost:5000/nobody/base-ml:v1.0.1"])
    #expect(try bases(text, ["OWNER": "harkon", "BASE_VERSION": "v2"]) == ["localhost:5000/harkon/base-ml:v2"])
    #expect(try bases(text, ["BASE": "x"]) == ["x"])
    // An ARG inside of a stage is not for FROM lines, nor is one that comes after.
    #expect(try bases("FROM a\nARG V=1\nFROM b:x${V}", ["V": "2"]) == ["b:x"])
    // What is given counts only where it is declared.
    #expect(try bases("FROM b:x${V}", ["V": "2"]) == ["b:x"])
    #expect(try bases("ARG V=1\nARG V\nFROM b:x$V") == ["b:x"])
    #expect(try bases("ARG V=1\nARG W=$V\nARG V=2\nFROM b:$V-$W") == ["b:2-1"])
  }

  @Test func platforms() throws {
    let text = "FROM a AS base-amd64\nFROM b AS base-arm64\nFROM --platform=$BUILDPLATFORM base-${TARGETARCH}"
    #expect(try bases(text, platform: Platform(architecture: "arm64")) == ["b"])
    #expect(try bases(text, platform: Platform(architecture: "amd64")) == ["a"])
  }

  @Test(arguments: [
    ("FROM ${X}", "D:1: FROM ${X} names no image: its variables are empty"),
    ("ARG R\nFROM $R/x:1", "D:2: FROM /x:1 ($R/x:1) is not an image's reference"),
    ("FROM Python", "D:1: FROM Python is not an image's reference"),
    ("FROM a:", "D:1: FROM a: is not an image's reference"),
    ("ARG V=${W\nFROM a", "D:1: ${W: '${W' is not closed"),
    ("FROM ${V:?which}", "D:1: ${V:?which}: V: which"),
    (
      "FROM a\nCOPY --from=$X / /",
      "D:2: COPY --from=$X: variables are not put in here; give the image a stage of its own with FROM $X AS NAME"
    ),
    ("FROM a\nCOPY --from=3 / /", "D:2: COPY --from=3: there is no stage of that number"),
    (
      "FROM a AS a\nCOPY --from=b / /\nFROM b AS b\nCOPY --from=a / /",
      "D:3: stages stand on one another in a circle: b → a → b"
    ),
    ("FROM a AS a\nCOPY --from=a / /", "D:1: stages stand on one another in a circle: a → a"),
  ])
  func errors(_ text: String, message: String) {
    #expect(error(text) == message)
  }

  @Test func unknownTarget() {
    #expect(
      error("FROM a AS one\nFROM b AS two", target: "three")
        == "D: there is no stage 'three' to build; its stages are one, two")
    #expect(error("FROM a", target: "1") == "D: there is no stage '1' to build; its stages have no names")
  }

  @Test func whatIsNotNeededMayBeBroken() throws {
    #expect(try bases("FROM Python AS unused\nFROM b") == ["b"])
    #expect(
      error("FROM ${X} AS unused\nFROM b") == "D:1: FROM ${X} names no image: its variables are empty")
  }

  @Test(arguments: [
    ("a$V", "a1.2.3"), ("${V}b", "1.2.3b"), ("${U}", ""), ("${U:-x}", "x"), ("${E:-x}", "x"), ("${E-x}", ""),
    ("${V:+x}", "x"), ("${U:+x}", ""), ("${E+x}", "x"), ("${E:+x}", ""), ("${U:-${V}}", "1.2.3"),
    ("${U:-a${E:-b}c}", "abc"),
    ("\\$V", "$V"), ("'$V'", "$V"), ("\"$V\"", "1.2.3"), ("\"a\\\"b\\c\"", "a\"b\\c"), ("$", "$"), ("$1", "$1"),
    ("${V%.*}", "1.2"), ("${V%%.*}", "1"), ("${V#*.}", "2.3"), ("${V##*.}", "3"), ("${V#x}", "1.2.3"),
    ("${V/./-}", "1-2.3"),
    ("${V//./-}", "1-2-3"), ("${V#?.}", "2.3"), ("${V%\\.3}", "1.2"), ("${V:?no}", "1.2.3"),
  ])
  func expansion(_ word: String, result: String) throws {
    let variables = ["V": "1.2.3", "E": ""]
    #expect(try ShellExpansion.expand(word, escape: "\\", variables: variables) == result)
  }

  @Test(arguments: [
    ("${U:?give one}", "U: give one"), ("${U?}", "U: is not set"), ("${V:x}", "':x' after '${V' means nothing"),
    ("${}", "'${' is not followed by a variable's name"), ("'a", "a ' is not closed"), ("\"a", "a \" is not closed"),
    ("${V/a}", "'${V/' needs a second '/'"),
  ])
  func expansionErrors(_ word: String, message: String) {
    let error = #expect(throws: ShellExpansion.Failure.self) {
      try ShellExpansion.expand(word, escape: "\\", variables: ["V": "1"])
    }
    #expect(error?.message == message)
  }
}
