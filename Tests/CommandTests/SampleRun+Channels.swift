// SPDX-License-Identifier: Apache-2.0

import Foundation
import Vocabulary

@testable import Delivery

extension SampleRun {
  static let older = Digest(hex: String(repeating: "0badcafe", count: 8))!

  private static func move(
    _ image: String, _ direction: ChannelMove.Direction, from: ChannelMove.Place?, to: ChannelMove.Place
  ) -> ChannelMove {
    ChannelMove(
      image: image, channel: "stable", reference: "gitea.example.com/harkon/\(image):stable", direction: direction,
      from: from, to: to, skipped: [], isBuiltHere: true)
  }

  /// Channels of several images: back, forward, new, put back; and a version where it is pinned.
  static var channels: SampleRun {
    var run = SampleRun()
    let (third, first) = (
      ChannelMove.Place(digest: digest, tag: "v1.0.3"), ChannelMove.Place(digest: older, tag: "v1.0.1")
    )
    var back = move("base-ml", .back, from: third, to: first)
    back.skipped = [
      .init(digest: tree, tag: "v1.0.2", problems: ["the layer \(tree) is missing \u{1b}[2J", "and another"])
    ]
    back.dependents = [
      .init(image: "svc-ocr", place: third, isMoved: false), .init(image: "svc-rag", place: third, isMoved: true),
    ]
    run.add(.moving(back))
    run.add(.moving(move("svc-rag", .forward, from: first, to: third)))
    var foreign = move("svc-ocr", .forward, from: nil, to: ChannelMove.Place(digest: tree, tag: nil))
    foreign.isBuiltHere = false
    run.add(.moving(foreign))
    run.add(.moving(move("svc-kg", .noted, from: third, to: third)))
    back.history = "stable.5"
    run.add(.moved(back), after: 0.4)
    run.add(.moved(move("svc-rag", .undone, from: third, to: first)), after: 0.4)
    run.add(
      .pinning(
        .init(
          image: "svc-ocr", from: "v1.0.3", to: "v1.0.1",
          difference: [
            "--- remote-build.yaml", "+++ remote-build.yaml", "@@ line 9 @@", "-    version: v1.0.3",
            "+    version: v1.0.1",
          ])))
    return run
  }

  /// Releases as a registry might list them.
  static var releases: [ReleaseRow] {
    func row(_ image: String, _ tag: String, _ digest: Digest, age: Double) -> ReleaseRow {
      ReleaseRow(
        image: image, tag: tag, reference: "gitea.example.com/harkon/\(image):\(tag)", digest: digest,
        created: start.addingTimeInterval(-age), platforms: [Platform(architecture: "amd64")],
        size: ByteCount(712_000_000), base: "gitea.example.com/harkon/base-runtime:v1.0.1", baseDigest: tree,
        revision: "7d0c5625cbd7a6d3c4e1", tree: tree, buildKey: tree, channels: [], history: [], isWhole: true,
        problems: [])
    }
    var third = row("base-ml", "v1.0.3", digest, age: 90)
    (third.channels, third.history, third.by) = (["stable"], ["stable.3"], "ada@laptop")
    third.platforms.append(Platform(architecture: "arm64"))
    var second = row("base-ml", "v1.0.2", tree, age: 7 * 3600)
    (second.isWhole, second.size) = (false, nil)
    second.problems = ["the layer \(older) is missing"]
    var first = row("base-ml", "v1.0.1", older, age: 40 * 86_400)
    (first.revision, first.buildKey, first.tree, first.base, first.baseDigest) = (nil, nil, nil, nil, nil)
    var git = row("svc-ocr", "v1.0.1-3-gabc1234-dirty.9f2c41d0", digest, age: 800 * 86_400)
    git.base = "python\u{1b}[2J@\(older)"
    return [third, second, first, git]
  }
}
