// SPDX-License-Identifier: Apache-2.0

/// The arguments that an image's build could be given: `REGISTRY`, `OWNER`, `BASE_VERSION`, and the image's own, which
/// win.
struct BuildArguments: Hashable, Sendable {
  private var common: [String: String]
  private var own: [String: String]

  init(image: ProjectImage, registry: String, owner: String, baseVersion: String?) {
    common = ["REGISTRY": registry, "OWNER": owner]
    common["BASE_VERSION"] = baseVersion
    own = image.args
  }

  /// Those that `dockerfile` declares.
  func passed(to dockerfile: Dockerfile) -> [String: String] {
    common.merging(own) { _, own in own }.filter { dockerfile.accepts(argument: $0.key) }
  }

  /// The names of the image's own arguments that `dockerfile` does not declare, sorted.
  func undeclared(in dockerfile: Dockerfile) -> [String] {
    own.keys.filter { !dockerfile.accepts(argument: $0) }.sorted()
  }
}
