// SPDX-License-Identifier: Apache-2.0

public import Vocabulary

/// The digest of everything that goes into an image. Two builds with one key are of the same inputs, and a version's tag
/// that carries the key need not be built again.
///
/// The digest is the SHA-256 of these bytes, in which nothing depends on the order or the spelling of the caller's
/// collections:
///
///     remote-build build key 1⏎
///     context <n>:sha256:<64 hex>⏎
///     dockerfile-path <n>:<path relative to the workspace>⏎
///     dockerfile <n>:sha256:<64 hex>⏎
///     target <n>:<stage>⏎                      only where a stage is named
///     platform <n>:<os/architecture[/variant]>⏎
///     argument <n>:<NAME=value>⏎               one line an argument, sorted by name
///     base <n>:<reference> sha256:<64 hex>⏎    one line a base, sorted by reference
///     secret <n>:<id>⏎                         one line a secret, sorted; never its value
///
/// `<n>` is the number of bytes after the colon up to the line's end, in decimal, so that no value can pass for another
/// line; ⏎ is one line feed; sorting compares UTF-8 bytes. The first line's number changes with this encoding, and every
/// key with it.
public enum BuildKey {
  /// - Parameters:
  ///   - contextDigest: of the context's entries, as the slot holds them.
  ///   - dockerfile: of the Dockerfile's bytes.
  ///   - dockerfilePath: relative to the workspace.
  ///   - arguments: those that are passed to the build.
  ///   - baseDigests: by the reference that the Dockerfile gives.
  public static func compute(
    contextDigest: Digest, dockerfile: Digest, dockerfilePath: String, target: String?, platform: Platform,
    arguments: [String: String], baseDigests: [String: Digest], secretIDs: some Sequence<String>
  ) -> Digest {
    var encoding = Array("remote-build build key 1\n".utf8)
    func add(_ field: String, _ value: String) {
      encoding += Array("\(field) \(value.utf8.count):\(value)\n".utf8)
    }
    add("context", contextDigest.description)
    add("dockerfile-path", dockerfilePath)
    add("dockerfile", dockerfile.description)
    if let target { add("target", target) }
    add("platform", platform.description)
    for name in sorted(arguments.keys) { add("argument", "\(name)=\(arguments[name] ?? "")") }
    for reference in sorted(baseDigests.keys) {
      if let digest = baseDigests[reference] { add("base", "\(reference) \(digest)") }
    }
    for id in sorted(secretIDs) { add("secret", id) }
    return .sha256(of: encoding)
  }

  /// Sorted by bytes: Swift's own order compares text by its meaning, which may change with Unicode's tables.
  private static func sorted(_ texts: some Sequence<String>) -> [String] {
    texts.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }
}
