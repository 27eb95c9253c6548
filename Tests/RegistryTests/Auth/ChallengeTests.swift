// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Registry

@Suite struct ChallengeTests {
  private static let bearer = Challenge(
    scheme: "bearer", parameters: ["realm": "https://x/v2/token", "service": "container_registry", "scope": "*"])
  private static let basic = Challenge(scheme: "basic", parameters: ["realm": "Gitea"])

  @Test(arguments: [
    [#"Bearer realm="https://x/v2/token",service="container_registry",scope="*""#, #"Basic realm="Gitea""#],
    [#"Bearer realm="https://x/v2/token",service="container_registry",scope="*",Basic realm="Gitea""#],
    [#"Bearer realm="https://x/v2/token", service="container_registry" , scope="*", Basic realm="Gitea""#],
    [#"bearer REALM=https://x/v2/token, Service=container_registry, scope=*, BASIC realm = Gitea"#],
    [#",, Bearer   realm="https:\/\/x/v2/token",service="container_registry",scope="*",,"#, #"Basic realm="Gitea","#],
  ]) func bothChallenges(headers: [String]) {
    #expect(Challenge.parse(headers) == [Self.bearer, Self.basic])
  }

  @Test func schemesWithoutParameters() {
    #expect(Challenge.parse(["Basic, Negotiate, Bearer realm=x"]).map(\.scheme) == ["basic", "negotiate", "bearer"])
    #expect(Challenge.parse(["Basic"]) == [Challenge(scheme: "basic")])
  }

  @Test func commasAndEscapesInQuotes() {
    let scope = #"Bearer realm="a, Basic \"b\"",scope="repository:o/n:pull,push""#
    #expect(
      Challenge.parse([scope]) == [
        Challenge(
          scheme: "bearer", parameters: ["realm": #"a, Basic "b""#, "scope": "repository:o/n:pull,push"])
      ])
  }

  @Test func aNeighbourThatMakesNoSenseIsPassedOver() {
    #expect(
      Challenge.parse(["Negotiate YIIabc==, Bearer realm=x"]).last
        == Challenge(scheme: "bearer", parameters: ["realm": "x"]))
    #expect(
      Challenge.parse([#"Bearer realm="never closed"#]) == [
        Challenge(scheme: "bearer", parameters: ["realm": "never closed"])
      ])
    #expect(Challenge.parse(["", " , ", #""quoted""#, "=", "realm=x"]) == [])
  }
}
