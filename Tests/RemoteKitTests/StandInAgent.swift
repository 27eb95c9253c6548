// SPDX-License-Identifier: Apache-2.0

import Foundation
import SystemPackage

/// A stand-in that says hello as an agent does, then echoes; as big as needed to cross several packets.
enum StandInAgent {
  static func install(into directory: FilePath, version: String = "1", size: Int = 400_000) throws {
    let hello = #"{"clock":1,"home":"/h","machine":"m","version":"\#(version)","wire":1}"#
    let count = hello.utf8.count + 1
    let script = """
      #!/bin/sh
      echo started >&2
      printf '\\\(String(count, radix: 8))\\0\\0\\0\\1%s' '\(hello)'
      exec cat

      """
    let text = directory.appending("text").string
    for name in ["linux-amd64", "linux-arm64"] {
      // By another process: a file that this one holds open for writing could not be started ("Text file busy").
      try (script + String(repeating: "# padding\n", count: size / 10))
        .write(toFile: text, atomically: true, encoding: .utf8)
      try Sshd.run("install", "-m", "755", text, directory.appending(name).string)
    }
  }
}
