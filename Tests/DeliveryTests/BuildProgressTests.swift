// SPDX-License-Identifier: Apache-2.0

import Testing
import Vocabulary

@testable import Delivery

@Suite struct BuildProgressTests {
  @Test func aStepThatFailsKeepsItsLastLines() {
    var progress = BuildProgress()
    for line in [
      "#5 [2/3] RUN make", "#5 sha256:00aa", "#5 0.101 first", "#5 0.122 second", "#5 ERROR: process exit code: 7",
    ] { _ = progress.read(line) }
    #expect(progress.failed == BuildStep(number: 5, name: "[2/3] RUN make"))
    #expect(progress.lastLines(of: 5) == ["first", "second"])
  }

  @Test func cachedStepsAreToldFromThoseThatRan() {
    var progress = BuildProgress()
    for line in [
      "#1 [internal] load build definition from Dockerfile", "#1 DONE 0.0s", "#4 [1/2] FROM x", "#4 CACHED",
      "#5 [2/2] COPY . /", "#5 DONE 0.1s",
    ] { _ = progress.read(line) }
    #expect(progress.cached == [4])
    #expect(progress.executed == [5])
  }

  @Test(arguments: ["", "#", "#x y", "plain", "#7", "# 7"])
  func linesThatAreNoStepsAreLeftAlone(_ line: String) {
    var progress = BuildProgress()
    #expect(progress.read(line) == nil)
  }

  @Test func aTranscriptDoesNotDependOnWhereItsBytesAreCut() {
    let log = "#1 [1/1] FROM x\n#1 CACHED\n5f70bf18a086: Pushed\n"
    var whole = BuildTranscript()
    let events = whole.read(Array(log.utf8)).count
    var pieces = BuildTranscript()
    var count = 0
    for byte in log.utf8 { count += pieces.read([byte]).count }
    #expect(count == events)
    #expect(pieces.push.sent == ["5f70bf18a086"])
    #expect(whole.push.sent == pieces.push.sent)
  }

  @Test func aPushSaysItsDigestAndLayers() {
    var push = PushProgress()
    let digest = "sha256:" + String(repeating: "ab", count: 32)
    for line in [
      "The push refers to repository [127.0.0.1:5000/shop/app]", "5f70bf18a086: Preparing", "5f70bf18a086: Pushed",
      "aaaaaaaaaaaa: Layer already exists", "v1.0.1: digest: \(digest) size: 946",
    ] { push.read(line) }
    #expect(push.sent == ["5f70bf18a086"])
    #expect(push.present == ["aaaaaaaaaaaa"])
    #expect(push.digest?.description == digest)
  }
}
