// SPDX-License-Identifier: Apache-2.0

import Sync
import Testing
import Vocabulary

@testable import Delivery
@testable import Registry

/// What a failure leaves and suggests is so.
@Suite struct FailureTests {
  @Test func whatCannotBeAdoptedIsNotOfferedForIt() {
    let file = DeliveryError(Refusal.notOurs.failure("/d is not ours: it is not a directory. Name another"), host: "h")
    #expect(file.next == ["name another directory: --remote-dir DIRECTORY"])
    let other = DeliveryError(Refusal.notOurs.failure("/d is not ours. Run the same command with --adopt"), host: "h")
    #expect(other.next.count == 2)
  }

  @Test func aFullDiskDoesNotSpeakOfDocker() {
    let failure = DeliveryError(
      Refusal.diskFull.failure("the disk is full. Make room on it (`docker builder prune`), then go on"), host: "h")
    #expect(failure.what == "the disk is full. Make room on it, then go on")
  }

  @Test func whereNothingStandsNothingIsLeft() throws {
    let tag = ManifestReference.tag(try Tag("v1"))
    func left(_ differences: [VerificationDifference]) throws -> String? {
      let failure = VerificationFailure(
        registry: try RegistryAddress("r"), repository: try RepositoryName("a"), reference: tag,
        differences: differences)
      return DeliveryError(failure, reference: "r/a:v1").leftBehind
    }
    #expect(try left([.missing(tag)]) == "nothing stands under the tag")
    #expect(try left([.missingLayer(.sha256(of: [1]))]) == "what stands under the tag is not to be used")
  }
}
