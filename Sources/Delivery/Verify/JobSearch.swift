// SPDX-License-Identifier: Apache-2.0

internal import Jobs
internal import SystemPackage
internal import Wire

/// Finds a job by its id on whichever host has it.
struct JobSearch: Sendable {
  let context: RunContext
  let workspace: FilePath?
  let selection: HostSelection

  struct Found: Sendable {
    var session: HostSession
    var status: JobStatus
  }

  /// Connects to the hosts that may have the job, and does `body` on the one that has. Throws ``DeliveryError`` where none
  /// has it.
  func on<Value: Sendable>(
    _ id: String, isAnnounced: Bool = false, _ body: (Found) async throws -> Value
  ) async throws -> Value {
    let fleet = try await connect([id], isAnnounced: isAnnounced)
    do {
      let value = try await body(try await find(id, fleet))
      await fleet.close()
      return value
    } catch {
      await fleet.close()
      throw error
    }
  }

  func connect(_ ids: [String], isAnnounced: Bool) async throws -> Fleet {
    let workspace = try LocalWorkspace.open(workspace, context: context, needsProject: false)
    let inventory = try Fleet.inventory(of: workspace, context: context)
    let selection = selection.onHosts(of: ids, context)
    let hosts = try HostChoice(inventory: inventory, selection: selection).hosts()
    return await Fleet.connect(
      hosts, workspace: workspace, selection: selection, context: context, isAnnounced: isAnnounced)
  }

  private func find(_ id: String, _ fleet: Fleet) async throws -> Found {
    let answers = await Fleet.each(fleet.sessions.map { ($0.name, $0) }, context: context) { session -> JobStatus? in
      do {
        return try await JobClient(session.agent).status(id)
      } catch let failure as ServiceFailure where failure.job == .noSuchJob || failure.job == .invalidSpec {
        return nil
      }
    }
    for session in fleet.sessions {
      if let status = try? answers[session.name]?.get() { return Found(session: session, status: status) }
    }
    // Where a host could not be asked, the job may well be there.
    let failures = Array(fleet.failures.values) + answers.values.compactMap(\.failure)
    throw DeliveryError(
      failures.isEmpty ? .usage : ExitStatus.worst(failures.map(\.status)),
      "no job \(id) on \(fleet.sessions.map(\.name).joined(separator: ", "))",
      next: [context.hints.jobs, "or name its host: --host NAME"])
  }
}
