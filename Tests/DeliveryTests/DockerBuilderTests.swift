// SPDX-License-Identifier: Apache-2.0

import Testing
import Vocabulary

@testable import Delivery

@Suite struct DockerBuilderTests {
  private let request = DockerBuilder.Request(
    reference: "r.example/shop/app:v1", context: "/slot", dockerfile: "/slot/Dockerfile", target: "run",
    arguments: ["B": "2", "A": "1"], labels: ["l": "x y"], secrets: ["token"], platform: nil)

  @Test func theCommandIsTheSameForTheSameRequest() {
    var docker = DockerBuilder(
      path: "/usr/bin/docker", clientVersion: "20.10.24", serverVersion: "20.10.24", usesBuildx: false, network: "host")
    #expect(
      docker.build(request) == [
        "/usr/bin/docker", "build", "--progress=plain", "--file", "/slot/Dockerfile", "--tag", "r.example/shop/app:v1",
        "--iidfile", "{outputs}/iid", "--network", "host", "--target", "run", "--build-arg", "A=1", "--build-arg",
        "B=2",
        "--label", "l=x y", "--secret", "id=token,src={secrets}/token", "/slot",
      ])
    docker.usesBuildx = true
    #expect(docker.build(request).contains("--provenance=false"))
  }
}
