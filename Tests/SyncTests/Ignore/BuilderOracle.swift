// SPDX-License-Identifier: Apache-2.0

import Foundation
import LabKit
import Subprocess
import SystemPackage

/// What the builder itself takes of a context: an image of one `COPY . /`, listed.
struct BuilderOracle {
  struct Refused: Error { var said: String }

  let engine: String
  /// Debian's client, which has BuildKit built in; another one before it on the path may lack it.
  static let client = FilePath("/usr/bin/docker")

  /// The paths that `COPY . /` puts into an image, those of directories with a slash at their end.
  ///
  /// Throws ``Refused`` with what the builder said where it does not build.
  func paths(context: String, dockerfile: String, scratch: String) async throws -> Set<String> {
    let archive = scratch + "/context.tar"
    try? FileManager.default.removeItem(atPath: archive)
    let build = try await run(
      .path(Self.client),
      arguments: [
        "-H", engine, "build", "--quiet", "--file", dockerfile, "--output", "type=tar,dest=\(archive)", context,
      ],
      environment: .inherit.updating(["DOCKER_BUILDKIT": "1", "DOCKER_CONFIG": scratch]), output: .discarded,
      error: .string(limit: 1 << 20))
    guard build.terminationStatus.isSuccess else { throw Refused(said: build.standardError) }
    let listing = try await run(
      .name("tar"), arguments: ["--quoting-style=literal", "-tf", archive], output: .string(limit: 16 << 20),
      error: .string(limit: 1 << 20))
    guard listing.terminationStatus.isSuccess else { throw Refused(said: listing.standardError) }
    return Set(listing.standardOutput.split(separator: "\n").map(String.init).filter { $0 != "./" && $0 != "/" })
  }
}
