// SPDX-License-Identifier: Apache-2.0

internal import Jobs
internal import SystemPackage
internal import Vocabulary
internal import Wire

/// This laptop's audit log, and the writing of entries there and on the host whose lease is held.
struct AuditLog: Sendable {
  let context: RunContext

  private var file: AuditFile { AuditFile(directory: context.directories.releases) }

  /// Appends entries here and on the lease's host. That a log cannot be written stops no release: it is said, and that is
  /// all.
  func append(_ entries: [AuditEntry], on lease: ReleaseLease? = nil) async {
    let lines = entries.compactMap(\.line)
    guard !lines.isEmpty else { return }
    do {
      try file.append(lines)
    } catch {
      context.warn("the audit log in \(context.directories.releases) was not written: \(error)")
    }
    await lease?.append(lines, context)
  }

  /// Appends entries here and on a host.
  func append(_ entries: [AuditEntry], on session: HostSession) async {
    await append(entries)
    do {
      let agent = try await session.openAgent()
      defer { Task { await agent.close() } }
      try await ReleaseClient(agent).append(audit: entries.compactMap(\.line))
    } catch {
      context.warn("the audit log there was not written: \(DeliveryError(error, host: nil).what)", host: session.name)
    }
  }

  /// This laptop's entries, the oldest first.
  func entries() throws -> [AuditEntry] { try file.read().compactMap { AuditEntry(line: $0) } }

  /// Whether this laptop's last move of a channel was a rollback to `digest` that did not come to its end.
  func hasCutOffRollback(of reference: String, to digest: Digest) -> Bool {
    let moves = ((try? entries()) ?? []).filter { entry in
      entry.channel.map { "\(entry.image):\($0)" } == reference
    }
    guard let last = moves.last else { return false }
    return last.command == "rollback" && last.result != .done && last.result != .undone && last.to == digest
  }
}

extension StateDirectory {
  /// The audit log of this laptop.
  var releases: FilePath { state.appending("releases") }
}
