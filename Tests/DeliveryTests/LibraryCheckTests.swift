// SPDX-License-Identifier: Apache-2.0

import RemoteKit
import Testing

@testable import Delivery

@Suite struct LibraryCheckTests {
  @Test(arguments: [
    ("1.10.0", Check.Verdict.pass, "GHSA-53q9-wmqr-fh7c"), ("1.11.1", .warn, "CVE-2026-55199"),
    ("1.11.2", .pass, "libssh2 1.11.2"),
  ])
  func doctorWarnsOfWhatAStrangerCanUse(_ version: String, _ verdict: Check.Verdict, _ named: String) {
    let check = HostExamination.library(SSHLibraryReport(version: version))
    #expect(check.verdict == verdict)
    #expect(check.what.contains(named), "\(check.what)")
    #expect(check.mend.isEmpty == (verdict == .pass))
  }
}
