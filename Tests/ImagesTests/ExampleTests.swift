// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import Images

/// The real Dockerfiles of the example workspace.
@Suite struct ExampleTests {
  @Test func theExamplesImagesStandOnOneAnother() throws {
    let services = [
      "svc-ocr", "svc-rag-indexer", "svc-rag-retriever", "svc-ingestion", "svc-extract", "svc-kg", "svc-forms",
    ]
    let bases = ["base-ml", "base-runtime"]
    var images = services.map {
      ProjectImage(name: $0, dockerfile: "apps/\($0.replacingOccurrences(of: "-", with: "_"))/Dockerfile")
    }
    images += bases.map { ProjectImage(name: $0, dockerfile: "infra/docker/\($0).Dockerfile") }
    let root = URL(filePath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent().appending(path: "Examples/ai-tax-agent")
    var dockerfiles: [String: Dockerfile] = [:]
    for image in images {
      let data = try Data(contentsOf: root.appending(path: image.dockerfile))
      dockerfiles[image.name] = try Dockerfile(bytes: Array(data), file: image.dockerfile)
    }
    let graph = try ImageGraph(
      project: Project(images: images), dockerfiles: dockerfiles, registry: "localhost:5000", owner: "harkon")
    #expect(graph.order.prefix(2) == ["base-runtime", "base-ml"])
    #expect(
      graph.dependents(of: "base-ml").sorted() == ["svc-ocr", "svc-rag-indexer", "svc-rag-retriever"])
    #expect(graph.dependents(of: "base-runtime").count == services.count + 1)
    let inputs = try graph.inputs(of: "svc-ocr", tags: ["base-ml": "v1.0.2", "base-runtime": "v1.0.1"])
    #expect(inputs.bases == ["localhost:5000/harkon/base-ml:v1.0.2"])
    #expect(inputs.arguments["BASE_VERSION"] == "v1.0.2")
    #expect(inputs.warnings == [])
  }
}
