// SPDX-License-Identifier: Apache-2.0

import LabKit

/// The lab that the end-to-end tests share: two whole hosts, and others that lack something.
enum TestLab {
  static let options = LabOptions(
    hosts: [
      .init("lab-1"), .init("lab-2"), .init("dead", docker: false, dead: true), .init("bare", docker: false),
      .init("small", docker: false, homeSize: "48m"), .init("tight", dataSize: "400m"),
    ],
    registries: .both, engine: .own, standIn: true)

  static func lab() async throws -> Lab { try await Lab.shared(options) }
}
