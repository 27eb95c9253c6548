// SPDX-License-Identifier: Apache-2.0

internal import SystemPackage

#if canImport(FoundationEssentials)
  internal import FoundationEssentials
#else
  internal import Foundation
#endif

/// What this laptop keeps of one build: the plan, and the log as far as it was seen. Neither holds a credential.
struct BuildRecord: Sendable {
  let id: String
  let directory: FilePath

  var log: FilePath { directory.appending("log") }
  private var planFile: FilePath { directory.appending("plan.json") }

  init(id: String, directories: StateDirectory) {
    self.id = id
    directory = directories.build(id)
  }

  /// Makes the record's directory, for its owner alone, and writes the plan.
  func create(_ plan: RunPlan) throws {
    try FileManager.default.createDirectory(
      atPath: directory.string, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    try encoder.encode(plan).write(to: URL(filePath: planFile.string), options: .atomic)
  }

  /// The plan, where this laptop started the build.
  func plan() -> RunPlan? {
    guard let data = try? Data(contentsOf: URL(filePath: planFile.string)) else { return nil }
    return try? JSONDecoder().decode(RunPlan.self, from: data)
  }
}
