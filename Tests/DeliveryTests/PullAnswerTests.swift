// SPDX-License-Identifier: Apache-2.0

import Registry
import Testing

@testable import Delivery

/// What Docker's daemon says, as versions 20.10 to 28 say it.
@Suite struct PullAnswerTests {
  @Test(arguments: [
    ("manifest for r.test/o/app:x not found: manifest unknown: manifest unknown", Check.Verdict.pass, Int32?.none, ""),
    ("Get \"https://r.test/v2/\": dial tcp: lookup r.test on 127.0.0.53:53: no such host", .fail, 69, "name servers"),
    ("Get \"https://r.test/v2/\": dial tcp 10.0.0.1:443: connect: connection refused", .fail, 69, "firewalls"),
    ("Get \"https://r.test/v2/\": net/http: request canceled (Client.Timeout exceeded)", .fail, 69, "firewalls"),
    (
      "Get \"https://r.test/v2/\": x509: certificate signed by unknown authority", .fail, 69,
      "/etc/docker/certs.d/r.test/ca.crt"
    ),
    (
      "tls: failed to verify certificate: x509: certificate has expired or is not yet valid: current time 2026-01-01 is after",
      .fail, 69, "renew"
    ),
    (
      "x509: certificate is valid for other.test, not r.test", .fail, 69, "look at the registry's certificate"
    ),
    ("http: server gave HTTP response to HTTPS client", .fail, 69, "insecure-registries"),
    (
      "Head \"https://r.test/v2/o/app/manifests/x\": unauthorized: authentication required", .fail, 77,
      "docker login r.test"
    ),
    ("Head \"https://r.test/v2/o/app/manifests/x\": no basic auth credentials", .fail, 77, "docker login r.test"),
    ("toomanyrequests: You have reached your pull rate limit", .warn, nil, "docker login"),
    ("something that nobody has seen before", .warn, nil, "docker pull r.test"),
  ])
  func isUnderstood(_ said: String, _ verdict: Check.Verdict, _ status: Int32?, _ mend: String) {
    let check = PullAnswer("warning: first line\nError response from daemon: \(said)\n").check(registry: "r.test")
    #expect(check.verdict == verdict)
    #expect(check.status?.rawValue == status)
    #expect(mend.isEmpty ? check.mend.isEmpty : check.mend.joined().contains(mend), "\(check)")
    if verdict != .pass { #expect(check.what.contains(said)) }
  }

  @Test(arguments: [
    ("r.test:5000", #"{"RegistryConfig":{"IndexConfigs":{"r.test:5000":{"Secure":false}}}}"#, Check.Verdict.warn),
    ("r.test", #"{"RegistryConfig":{"IndexConfigs":{"r.test:5000":{"Secure":false}}}}"#, .pass),
    ("r.test:5000", #"{"RegistryConfig":{"IndexConfigs":{"r.test:5000":{"Secure":true}}}}"#, .pass),
    ("r.test", "{}", .pass),
    ("127.0.0.1:5000", #"{"RegistryConfig":{"IndexConfigs":{"127.0.0.1:5000":{"Secure":false}}}}"#, .pass),
  ])
  func aDaemonThatChecksNoCertificateIsTold(_ address: String, _ said: String, _ verdict: Check.Verdict) throws {
    let information = try DockerJSON.decode(DockerExamination.Information.self, said.utf8)
    #expect(DockerExamination.trust(in: information, of: try RegistryAddress(address)).verdict == verdict)
  }

  @Test(arguments: [
    (0.4, "0 s ahead of"), (-90, "90 s behind"), (150, "2 min ahead of"), (-7260, "2 h 1 min behind"),
    (400_000, "4 days ahead of"), (1e300, "11574074 days ahead of"),
  ])
  func skewInWords(_ seconds: Double, _ text: String) { #expect(Skew(seconds: seconds).description == text) }

  @Test func anExaminationsStatusIsThatOfItsFailures() {
    let warned = Examination(host: "h", checks: [.warn(.shell, "slow", mend: "x"), .pass(.name, "n")], seconds: 0)
    #expect(warned.status == .success)
    #expect(warned.checks.map(\.check) == [.name, .shell])
    #expect(warned.checks.allSatisfy { $0.host == "h" })
    let failed = Examination(
      host: "h",
      checks: [.fail(.socket, .unavailable, "s", mend: []), .fail(.workspace, .syncRefused, "w", mend: [])], seconds: 0)
    #expect(failed.status == .syncRefused)
  }
}
