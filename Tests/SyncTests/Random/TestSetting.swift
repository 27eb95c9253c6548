// SPDX-License-Identifier: Apache-2.0

import Foundation

/// What an environment variable says of a test: how often, or with which seed.
enum TestSetting {
  static func number(_ name: String, _ fallback: Int) -> Int {
    ProcessInfo.processInfo.environment[name].flatMap { Int($0) } ?? fallback
  }

  /// The seeds that a test takes: the one that is set, else these.
  static func seeds(_ name: String, _ fallback: [UInt64]) -> [UInt64] {
    ProcessInfo.processInfo.environment[name].flatMap { UInt64($0) }.map { [$0] } ?? fallback
  }
}
