// SPDX-License-Identifier: Apache-2.0

import Testing
import Vocabulary

@testable import Delivery

// Swift Testing has a type of that name too.
private typealias Status = Delivery.ExitStatus

@Suite struct ExitStatusTests {
  @Test func withSeveralHostsTheGravestCounts() {
    #expect(Status.worst([Status]()) == .success)
    #expect(Status.worst([.success, .unavailable]) == .unavailable)
    let byGravity: [Status] = [
      .verificationFailed, .failed, .releaseRefused, .syncRefused, .leaseHeld, .authentication, .unavailable,
    ]
    for (index, status) in byGravity.enumerated() {
      #expect(Status.worst(byGravity[index...].reversed()) == status)
    }
  }

  @Test func aRowForEveryHost() {
    let failure = DeliveryError(.authentication, host: "b", "refused")
    var table = ResultTable(hosts: ["a", "b", "c"])
    table.fail("b", Arrivals.Failure(error: failure, seconds: 15))
    table.set("a", .built, "built", seconds: 1)
    table.fail(DeliveryError(.verificationFailed, "nowhere"))
    #expect(table.results.map(\.part) == [.built, .failed, .skipped])
    #expect(table.results.map(\.seconds) == [1, 15, 0])
    #expect(table.status == .verificationFailed)
  }
}

@Suite struct GitRepositoryTests {
  @Test(arguments: [
    ("https://me:secret@example.com/a/b.git", "https://example.com/a/b.git"),
    ("https://example.com/a/b", "https://example.com/a/b"),
    ("git@example.com:a/b.git", "https://example.com/a/b.git"),
    ("ssh://git@example.com/a/b@c", "ssh://example.com/a/b@c"),
    ("/srv/git/a", "/srv/git/a"),
  ])
  func aRemoteIsShownWithoutItsPassword(_ remote: String, _ shown: String) {
    #expect(GitRepository.withoutPassword(remote) == shown)
  }
}

@Suite struct IdentifierTests {
  @Test func aULIDIsThatOfItsSpecification() {
    // The time part of the specification's example, 01ARZ3NDEK, is 1469922850259 ms.
    #expect(ULID(milliseconds: 1_469_922_850_259, high: 0, low: 0).description == "01ARZ3NDEK0000000000000000")
    #expect(ULID.isValid(ULID().description))
  }

  @Test(arguments: ["", "../../../../../../etc/passwd", "01ARZ3NDEK000000000000000", "01ARZ3NDEK000000000000000U"])
  func whatIsNoneNamesNoDirectory(_ text: String) { #expect(!ULID.isValid(text)) }
}

@Suite struct BaseDigestTests {
  @Test func anInspectedImagesDigestIsTheRegistrysElseItsId() {
    let (first, second) = (Digest.sha256(of: "1"), Digest.sha256(of: "2"))
    #expect(BaseDigests.digest(inspected: "[\"python@\(first)\"] \(second)") == first)
    #expect(BaseDigests.digest(inspected: "[] \(second)\n") == second)
    #expect(BaseDigests.digest(inspected: "null \(second)") == second)
    #expect(BaseDigests.digest(inspected: "nonsense") == nil)
  }
}
