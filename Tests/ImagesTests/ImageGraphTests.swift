// SPDX-License-Identifier: Apache-2.0

import Testing
import Vocabulary

@testable import Images

@Suite struct ImageGraphTests {
  private static let header = "ARG REGISTRY\nARG OWNER\nARG BASE_VERSION=v0.9\n"

  private func graph(_ files: KeyValuePairs<String, String>, args: [String: [String: String]] = [:]) throws
    -> ImageGraph
  {
    let images = files.map { ProjectImage(name: $0.key, dockerfile: $0.key, args: args[$0.key] ?? [:]) }
    var dockerfiles: [String: Dockerfile] = [:]
    for (name, text) in files { dockerfiles[name] = try Dockerfile(text: text, file: name) }
    return try ImageGraph(
      project: Project(images: images), dockerfiles: dockerfiles, registry: "r.example.com:5000", owner: "harkon")
  }

  private func layered() throws -> ImageGraph {
    try graph([
      "svc-ocr": Self.header + "FROM ${REGISTRY}/${OWNER}/base-ml:${BASE_VERSION}",
      "svc-forms": Self.header
        + "FROM node:22 AS web\nFROM $REGISTRY/$OWNER/base-runtime:$BASE_VERSION\nCOPY --from=web / /",
      "base-ml": Self.header + "FROM ${REGISTRY}/${OWNER}/base-runtime:${BASE_VERSION}",
      "base-runtime": "FROM python:3.12-slim",
    ])
  }

  private let tags = ["base-runtime": "v1.0.1", "base-ml": "v1.0.2", "svc-ocr": "v3", "svc-forms": "v4"]

  @Test func order() throws {
    let graph = try layered()
    #expect(graph.order == ["base-runtime", "base-ml", "svc-ocr", "svc-forms"])
    #expect(graph.bases(of: "svc-ocr") == ["base-ml"])
    #expect(graph.bases(of: "base-runtime") == [])
    #expect(graph.dependents(of: "base-runtime") == ["base-ml", "svc-ocr", "svc-forms"])
    #expect(graph.dependents(of: "base-ml") == ["svc-ocr"])
    #expect(graph.dependents(of: "svc-ocr") == [])
    #expect(try graph.ordered(["svc-ocr", "base-ml"]) == ["base-ml", "svc-ocr"])
    let error = #expect(throws: ImagesError.self) { try graph.ordered(["base"]) }
    #expect(
      error?.description
        == "there is no image 'base' in remote-build.yaml; it has svc-ocr, svc-forms, base-ml, base-runtime")
    #expect(error?.code == .unknownImage)
  }

  @Test func baseVersionIsTheBasesOwn() throws {
    let graph = try layered()
    let ocr = try graph.inputs(of: "svc-ocr", tags: tags)
    #expect(
      ocr.arguments == ["REGISTRY": "r.example.com:5000", "OWNER": "harkon", "BASE_VERSION": "v1.0.2"])
    #expect(ocr.bases == ["r.example.com:5000/harkon/base-ml:v1.0.2"])
    #expect(ocr.ownBases == [.init(reference: ocr.bases[0], image: "base-ml", tag: "v1.0.2")])
    #expect(ocr.baseImage == ocr.bases[0])
    let forms = try graph.inputs(of: "svc-forms", tags: tags)
    #expect(forms.bases == ["node:22", "r.example.com:5000/harkon/base-runtime:v1.0.1"])
    #expect(forms.ownBases.map(\.image) == ["base-runtime"])
    let runtime = try graph.inputs(of: "base-runtime", tags: tags)
    #expect(runtime.arguments == [:])
    #expect(runtime.bases == ["python:3.12-slim"])
    #expect(runtime.warnings == [])
  }

  @Test func ownArgumentsWinAndUndeclaredOnesWarn() throws {
    let graph = try graph(
      [
        "base": "FROM a", "other": "FROM b",
        "svc": Self.header + "FROM $REGISTRY/$OWNER/base:$BASE_VERSION\nARG PIP\nARG OWNER",
      ], args: ["svc": ["BASE_VERSION": "v7", "PIP": "x", "NOPE": "1", "HTTP_PROXY": "p"]])
    let inputs = try graph.inputs(of: "svc", tags: ["base": "v1"])
    #expect(
      inputs.arguments == [
        "REGISTRY": "r.example.com:5000", "OWNER": "harkon", "BASE_VERSION": "v7", "PIP": "x", "HTTP_PROXY": "p",
      ])
    #expect(inputs.bases == ["r.example.com:5000/harkon/base:v7"])
    #expect(inputs.warnings == ["svc: the argument 'NOPE' is not passed, since svc declares no ARG NOPE"])
  }

  @Test(arguments: [
    // Written out, and declared only for a label.
    ("FROM r.example.com:5000/harkon/base:v5\nARG BASE_VERSION", "v1", ["r.example.com:5000/harkon/base:v5"]),
    // Not an image of the project: the Dockerfile's default holds.
    ("ARG BASE_VERSION=3.12\nFROM python:$BASE_VERSION", nil, ["python:3.12"]),
    ("ARG BASE_VERSION=1\nFROM r.example.com:5000/other/base:$BASE_VERSION", nil, ["r.example.com:5000/other/base:1"]),
    (
      "ARG BASE_VERSION=1\nFROM r.example.com:5000/harkon/base/x:$BASE_VERSION", nil,
      [
        "r.example.com:5000/harkon/base/x:1"
      ]
    ),
    // The stage that copies from a base by version decides, not the base it is FROM.
    (
      "ARG BASE_VERSION=1\nFROM r.example.com:5000/harkon/other:$BASE_VERSION AS o\nFROM alpine\nCOPY --from=o / /",
      "v2", ["r.example.com:5000/harkon/other:v2", "alpine"]
    ),
  ])
  func baseVersions(_ text: String, version: String?, bases: [String]) throws {
    let inputs = try graph(["base": "FROM a", "other": "FROM a", "svc": text]).inputs(
      of: "svc", tags: ["base": "v1", "other": "v2"])
    #expect(inputs.arguments["BASE_VERSION"] == version)
    #expect(inputs.bases == bases)
  }

  @Test func oneBaseVersionForTwoVersions() throws {
    let graph = try graph([
      "base": "FROM a", "other": "FROM a",
      "svc": Self.header + "FROM $REGISTRY/$OWNER/base:$BASE_VERSION AS x\nFROM $REGISTRY/$OWNER/other:$BASE_VERSION\n"
        + "COPY --from=x / /",
    ])
    #expect(try graph.inputs(of: "svc", tags: ["base": "v1", "other": "v1"]).arguments["BASE_VERSION"] == "v1")
    let error = #expect(throws: ImagesError.self) { try graph.inputs(of: "svc", tags: ["base": "v1", "other": "v2"]) }
    #expect(
      error?.description
        == "svc: one BASE_VERSION stands for several versions: base v1, other v2; give all but one an ARG of its own, "
        + "set in 'args'")
  }

  @Test func circle() {
    let from: (String) -> String = { "FROM r.example.com:5000/harkon/\($0):v1" }
    let error = #expect(throws: ImagesError.self) {
      try graph(["x": "FROM a", "a": from("b"), "b": from("c"), "c": from("a")])
    }
    #expect(error?.code == .cycle)
    #expect(
      error?.description == "images stand on one another in a circle: a → b → c → a; see their FROM lines")
    let itself = #expect(throws: ImagesError.self) { try graph(["a": from("a")]) }
    #expect(itself?.code == .cycle)
  }

  @Test(arguments: [
    ("gitea", "o"), ("R.example.com", "o"), ("https://r.example.com", "o"), ("r.io", "O"), ("r.io", ""),
  ])
  func addressesOfTheCommandLine(_ registry: String, owner: String) {
    let error = #expect(throws: ImagesError.self) {
      try ImageGraph(project: Project(images: []), dockerfiles: [:], registry: registry, owner: owner)
    }
    #expect(error?.code == .address)
  }

  @Test func prunedStagesMakeNoEdges() throws {
    let graph = try graph([
      "a": "FROM r.example.com:5000/harkon/b:v1 AS unused\nFROM scratch", "b": "FROM r.example.com:5000/harkon/a:v1",
    ])
    #expect(graph.order == ["a", "b"])
  }
}
