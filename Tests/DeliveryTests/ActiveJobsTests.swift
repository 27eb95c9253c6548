// SPDX-License-Identifier: Apache-2.0

import Foundation
import SystemPackage
import Testing

@testable import Delivery
@testable import Jobs
@testable import RemoteKit

@Suite struct ActiveJobsTests {
  /// This machine as a host, by the agent that was built beside the test bundle; everything goes with the test.
  private func withSession(_ body: (HostSession, String) async throws -> Void) async throws {
    let files = FileManager.default
    let directory = FilePath(NSTemporaryDirectory()).appending("remote-build-delivery-\(UUID().uuidString)")
    try files.createDirectory(atPath: directory.string, withIntermediateDirectories: true)
    defer { try? files.removeItem(atPath: directory.string) }
    let agent = FilePath(ProcessInfo.processInfo.arguments[0]).removingLastComponent().appending("remote-build-agent")
    for architecture in ["amd64", "arm64"] {
      try files.createSymbolicLink(
        atPath: directory.appending("linux-\(architecture)").string, withDestinationPath: agent.string)
    }
    let context = RunContext(
      environment: ["HOME": directory.string, "PATH": "/usr/bin:/bin"], workingDirectory: directory, agents: directory,
      owner: "test", askSecret: nil, askLine: nil
    ) { _ in }
    let session = try await HostSession.open(
      RemoteKit.Host(name: "local", address: .local), project: "p", distinctName: Task { "p" },
      selection: HostSelection(), context: context)
    do { try await body(session, directory.string) } catch {
      await session.close()
      throw error
    }
    await session.close()
  }

  private func spec(_ directory: String, _ command: [String]) -> JobSpec {
    JobSpec(
      id: ULID().description, title: "t", workspace: directory, owner: "test",
      steps: [JobStep(name: "build", argv: command, environment: [:])], credentials: [])
  }

  @Test func aJobThatRunsIsCancelled() async throws {
    try await withSession { session, directory in
      let jobs = ActiveJobs()
      let spec = spec(directory, ["/bin/sleep", "1000"])
      jobs.begin(spec.id, title: "t", on: session, CommandHints())
      try await JobClient(session.agent).start(spec)
      #expect(await jobs.cancelAll() == jobs.jobs.map { .cancelled($0) })
      #expect(try await JobClient(session.agent).status(spec.id).phase == .cancelled)
      #expect(await jobs.cancelAll() == jobs.jobs.map { .cancelled($0) })
    }
  }

  /// The run may see the end before whoever cancels is answered, and close the connection.
  @Test func aJobThatWasSeenToBeCancelledIsCancelled() async throws {
    try await withSession { session, directory in
      let jobs = ActiveJobs()
      let spec = spec(directory, ["/bin/sleep", "1000"])
      jobs.begin(spec.id, title: "t", on: session, CommandHints())
      try await JobClient(session.agent).start(spec)
      jobs.noteOver(spec.id, try await JobClient(session.agent).cancel(spec.id))
      // As a connection that is gone: no agent can be started on it.
      try FileManager.default.removeItem(atPath: directory + "/linux-amd64")
      try FileManager.default.removeItem(atPath: directory + "/linux-arm64")
      #expect(await jobs.cancelAll() == jobs.jobs.map { .cancelled($0) })
    }
  }

  @Test func whatEndedOtherwiseOrIsOnlyWatchedIsSaidSo() async throws {
    try await withSession { session, directory in
      let jobs = ActiveJobs()
      let spec = spec(directory, ["/bin/true"])
      jobs.begin(spec.id, title: "t", on: session, CommandHints())
      try await JobClient(session.agent).start(spec)
      let end = try await JobClient(try await session.openAgent()).tail(spec.id) { _ in }
      #expect(end.isOver)
      #expect(await jobs.cancelAll() == jobs.jobs.map { .over($0, end.stateForPeople) })
      jobs.begin(spec.id, title: "t", on: session, CommandHints(), isWatched: true)
      #expect(await jobs.cancelAll() == jobs.jobs.map { .watched($0) })
    }
  }
}
