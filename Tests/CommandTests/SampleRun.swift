// SPDX-License-Identifier: Apache-2.0

import Foundation
import Vocabulary

@testable import Delivery

/// Runs as Delivery would tell them, with fixed times, for the views to show.
struct SampleRun {
  private(set) var events: [DeliveryEvent] = []
  private var seconds = 0.0

  static let start = Date(timeIntervalSince1970: 1_800_000_000)
  static let reference = "gitea.example.com/harkon/base-ml:v1.0.2"
  static let digest = Digest(hex: String(repeating: "71c0a5d2", count: 8))!
  static let tree = Digest(hex: String(repeating: "9f2c41d0", count: 8))!
  static let pip = "[4/7] RUN pip install -r requirements-ml.txt"

  /// Adds an event, `after` seconds later than the one before.
  mutating func add(_ body: DeliveryEvent.Body, on host: String? = nil, after: Double = 0) {
    seconds += after
    events.append(DeliveryEvent(time: Self.start.addingTimeInterval(seconds), host: host, body))
  }

  mutating func plan(_ hosts: [String]) {
    add(
      .planned(
        .init(
          image: "base-ml", version: "v1.0.2", reference: Self.reference, hosts: hosts,
          platform: hosts.count == 1 ? Platform("linux/amd64") : nil,
          bases: ["gitea.example.com/harkon/base-runtime:v1.0.1"])))
  }

  mutating func connect(_ host: String) {
    add(
      .connected(.init(seconds: 0.34, platform: Platform(architecture: "amd64"), builder: "docker 20.10.24")), on: host,
      after: 0.34)
  }

  mutating func sync(_ host: String, aside: [String] = []) {
    add(
      .synced(
        .init(
          filesTotal: 4812, filesChanged: 3, filesDeleted: aside.count, contentBytes: ByteCount(21_000),
          bytesSent: ByteCount(6_120), bytesReceived: ByteCount(300), roundTrips: 1, seconds: 0.21, tree: Self.tree,
          savedAside: aside)), on: host, after: 0.21)
  }

  mutating func step(
    _ number: Int, _ name: String, _ state: DeliveryEvent.Step.State, _ seconds: Double, on host: String
  ) {
    add(.step(.init(number: number, name: name, state: state, seconds: seconds)), on: host, after: seconds)
  }

  mutating func output(_ step: String, _ line: String, on host: String, after: Double = 0.5) {
    add(.output(.init(step: step, line: line)), on: host, after: after)
  }

  mutating func job(_ host: String) {
    add(.started(.init(job: "01JZK3", log: "/home/ada/.local/state/remote-build/builds/01JZK3/log")), on: host)
  }

  /// The steps of a build up to pip's, which stays open.
  mutating func beginBuild(_ host: String) {
    step(1, "[internal] load build definition from base-ml.Dockerfile", .started, 0, on: host)
    step(1, "[internal] load build definition from base-ml.Dockerfile", .done, 0.1, on: host)
    step(4, "[1/7] FROM gitea.example.com/harkon/base-runtime:v1.0.1", .started, 0, on: host)
    step(4, "[1/7] FROM gitea.example.com/harkon/base-runtime:v1.0.1", .cached, 0, on: host)
    step(5, "[2/7] WORKDIR /srv", .started, 0, on: host)
    step(5, "[2/7] WORKDIR /srv", .cached, 0, on: host)
    step(6, "[3/7] COPY libs/requirements-ml.txt .", .started, 0, on: host)
    step(6, "[3/7] COPY libs/requirements-ml.txt .", .done, 0.3, on: host)
    step(7, Self.pip, .started, 0, on: host)
    output(Self.pip, "Collecting torch", on: host)
    output(Self.pip, "  10%\r  55%\r 100%\r", on: host)
    output(Self.pip, "\u{1b}[32mInstalling\u{1b}[0m collected packages: torch", on: host)
  }

  mutating func push(_ host: String) {
    output("push", "The push refers to repository [gitea.example.com/harkon/base-ml]", on: host)
    output("push", "5f70bf18a086: Preparing", on: host, after: 0)
    output("push", "c0ffee18a086: Preparing", on: host, after: 0)
    output("push", "c0ffee18a086: Layer already exists", on: host)
    output("push", "5f70bf18a086: Pushed", on: host, after: 8)
    output("push", "v1.0.2: digest: \(Self.digest) size: 2214", on: host)
  }

  mutating func prove(_ host: String) {
    add(
      .pushed(
        .init(
          reference: Self.reference, layersSent: 1, layersPresent: 8, bytesSent: ByteCount(48_000_000), seconds: 9.5)),
      on: host, after: 0.3)
    add(
      .verified(
        .init(
          reference: Self.reference, digest: Self.digest, platforms: [Platform(architecture: "amd64")], layers: 9,
          size: ByteCount(712_000_000), buildKey: Self.tree)))
  }

  mutating func finish(_ status: ExitStatus, _ seconds: Double, _ hosts: [HostResult]) {
    add(
      .finished(
        .init(
          image: "base-ml", status: status, seconds: seconds, reference: Self.reference,
          digest: status == .success || hosts.count > 1 ? Self.digest : nil,
          record: "/home/ada/.local/state/remote-build/builds/01JZK3", hosts: hosts)))
  }
}

extension SampleRun {
  static var success: SampleRun {
    var run = SampleRun()
    run.plan(["ml-1"])
    run.connect("ml-1")
    run.sync("ml-1")
    run.job("ml-1")
    run.beginBuild("ml-1")
    run.step(7, pip, .done, 72.4, on: "ml-1")
    run.push("ml-1")
    run.prove("ml-1")
    run.finish(
      .success, 123.4,
      [HostResult(host: "ml-1", part: .built, status: .success, summary: "2 of 4 steps run", seconds: 123)])
    return run
  }

  static var failure: SampleRun {
    var run = SampleRun()
    run.plan(["ml-1"])
    run.connect("ml-1")
    run.sync("ml-1", aside: [".remote-build/aside/libs/x.py"])
    run.job("ml-1")
    run.beginBuild("ml-1")
    run.output(pip, "ERROR: No matching distribution found for torhc", on: "ml-1")
    run.step(7, pip, .failed, 12.1, on: "ml-1")
    run.add(
      .failed(
        DeliveryError(
          .failed, host: "ml-1", "failed: \(pip)",
          details: ["Collecting torch", "\u{1b}[31mERROR\u{1b}[0m: No matching distribution found for torhc"],
          leftBehind: "nothing was pushed; the log: /home/ada/.local/state/remote-build/builds/01JZK3/log",
          next: ["mend it and run again: remote-build base-ml", "or look at the whole log: remote-build logs 01JZK3"])),
      on: "ml-1")
    run.finish(
      .failed, 15.2, [HostResult(host: "ml-1", part: .failed, status: .failed, summary: "failed", seconds: 15.2)])
    return run
  }

  /// Three hosts: one cannot be reached, one builds, one pulls.
  static var severalHosts: SampleRun {
    var run = SampleRun()
    run.plan(["ml-1", "build-north", "ml-3"])
    run.connect("ml-1")
    run.add(
      .failed(
        DeliveryError(
          .unavailable, host: "build-north", "cannot connect to 192.0.2.7:22: connection refused",
          leftBehind: "nothing was sent there", next: ["see whether sshd runs there, then run the same command again"])),
      on: "build-north", after: 0.1)
    run.connect("ml-3")
    run.sync("ml-1")
    run.sync("ml-3")
    run.add(.waiting(.init(owner: "grace@desk", since: "2026-01-31T13:05:09Z")), on: "ml-1", after: 0.1)
    run.job("ml-1")
    run.beginBuild("ml-1")
    run.step(8, "[test 2/2] RUN pytest", .started, 0, on: "ml-1")
    run.output("[test 2/2] RUN pytest", "12 passed", on: "ml-1")
    run.output(pip, "Successfully installed torch", on: "ml-1")
    run.add(
      .reconnecting(.init(reason: "the connection was reset", attempt: 1, seconds: 0.5, patience: 900)), on: "ml-1",
      after: 1)
    run.step(7, pip, .done, 72.4, on: "ml-1")
    run.push("ml-1")
    run.prove("ml-1")
    run.output("pull", "5f70bf18a086: Pulling fs layer", on: "ml-3")
    run.add(.pulled(.init(reference: reference, digest: digest, seconds: 12.1)), on: "ml-3", after: 12.1)
    run.finish(
      .unavailable, 3_840,
      [
        HostResult(host: "ml-1", part: .built, status: .success, summary: "2 of 4 steps run", seconds: 98.2),
        HostResult(
          host: "build-north", part: .failed, status: .unavailable,
          summary: "cannot connect to 192.0.2.7:22: connection refused", seconds: 0.1),
        HostResult(host: "ml-3", part: .pulled, status: .success, summary: "the image by its digest", seconds: 12.1),
      ])
    return run
  }

  static var refused: SampleRun {
    var run = SampleRun()
    run.plan(["ml-1"])
    run.add(
      .failed(
        DeliveryError(
          .releaseRefused, "\(reference) stands in the registry with another build key (9f2c41d0, now 71c0a5d2)",
          leftBehind: "nothing was built or pushed",
          next: [
            "give it a new version: remote-build bump base-ml", "or for once: remote-build base-ml --version v1.0.3",
            "or overwrite it: remote-build base-ml --replace",
          ])), after: 0.4)
    run.finish(.releaseRefused, 0.8, [])
    return run
  }

  /// Output, names and errors that try to take over the terminal.
  static var hostile: SampleRun {
    var run = SampleRun()
    run.plan(["ml-1"])
    run.sync("ml-1")
    run.job("ml-1")
    let name = "[2/2] RUN echo \u{1b}[2J\u{202e}gnp.exe"
    run.step(5, name, .started, 0, on: "ml-1")
    run.output(name, "\u{1b}]0;owned\u{7}title", on: "ml-1")
    run.output(name, "up \u{1b}[5A and \u{1b}[?1049h away \u{9b}31m c1 \u{7f}", on: "ml-1")
    run.output(name, "bar 1%\rbar 99%\r\u{1b}[Kover", on: "ml-1")
    run.output(name, "\u{1b}[1;31mred \u{1b}[38;5;200mand left open", on: "ml-1")
    run.output(name, "\u{1b}[8mhidden\u{1b}[0m \u{200b}zero\u{200e}width tab\there", on: "ml-1")
    run.output(name, "宽字符 and an emoji 🎉 stay", on: "ml-1")
    run.step(5, name, .failed, 1, on: "ml-1")
    run.add(
      .failed(
        DeliveryError(
          .failed, host: "ml-1", "failed:\u{1b}[31m \(name)", details: ["a\nb", "\u{1b}[1mbold"],
          next: ["ssh \u{1b}]52;c;cm0=\u{7}"])), on: "ml-1")
    return run
  }

  static func named(_ name: String) -> SampleRun? {
    switch name {
    case "success": success
    case "failure": failure
    case "several-hosts": severalHosts
    case "refused": refused
    case "hostile": hostile
    case "channels": channels
    default: nil
    }
  }

  static let names = ["success", "failure", "several-hosts", "refused", "hostile", "channels"]
}
