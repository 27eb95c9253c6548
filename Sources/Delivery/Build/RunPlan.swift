// SPDX-License-Identifier: Apache-2.0

internal import Images
internal import Vocabulary

/// What a job will have done when it is through, and what remains to be done then: enough for any laptop to finish the
/// proof. It travels with the job and is kept on its host; it holds no credential.
struct RunPlan: Codable, Sendable, Hashable {
  var build: BuildPlan
  /// The host that builds.
  var host: String
  /// The other hosts that shall have the image.
  var pullsOn: [String]
  /// The channel that the release moves; `nil` where none does.
  var channel: String?
}
