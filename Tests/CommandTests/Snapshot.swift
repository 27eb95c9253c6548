// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// Compares `text` with `Snapshots/NAME.txt` beside this file. With `RECORD_SNAPSHOTS=1` it writes the file anew, and the
/// test fails to say so: a recording is to be looked at before it counts.
func assertSnapshot(
  _ text: String, _ name: String, file: StaticString = #filePath, sourceLocation: SourceLocation = #_sourceLocation
) throws {
  let url = URL(filePath: "\(file)").deletingLastPathComponent().appending(path: "Snapshots/\(name).txt")
  // Visible in an editor and in a diff, where colours or escapes are part of it.
  let visible = text.replacing("\u{1b}", with: "␛")
  if ProcessInfo.processInfo.environment["RECORD_SNAPSHOTS"] == "1" {
    try Data(visible.utf8).write(to: url)
    Issue.record("recorded \(name)", sourceLocation: sourceLocation)
    return
  }
  let recorded = try String(decoding: Data(contentsOf: url), as: UTF8.self)
  #expect(visible == recorded, "differs from Snapshots/\(name).txt", sourceLocation: sourceLocation)
}
