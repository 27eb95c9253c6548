// SPDX-License-Identifier: Apache-2.0

/// Whether a plan that was shown may be carried out.
struct Agreement: Sendable {
  let context: RunContext
  /// Whether `--yes` was given.
  let isGiven: Bool

  /// Returns where it may. Throws ``DeliveryError``: `usage` where nobody can be asked, `interrupted` where a person said
  /// no.
  func ask(_ question: String) async throws {
    if isGiven { return }
    guard let ask = context.askLine else {
      throw DeliveryError(
        .usage, "there is no terminal to ask on whether that is to be done", leftBehind: "nothing was changed",
        next: ["if the plan is right, run the same command with --yes"])
    }
    let answer = await ask("\(question) [y/N] ")?.lowercased().filter { !$0.isWhitespace } ?? ""
    guard ["y", "yes"].contains(answer) else {
      throw DeliveryError(.interrupted, "not agreed to", leftBehind: "nothing was changed")
    }
  }
}
