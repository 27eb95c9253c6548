// SPDX-License-Identifier: Apache-2.0

internal import Vocabulary
internal import Wire

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// What a push finds on the host.
struct Standing: Sendable {
  /// `nil` in a rehearsal where nothing was pushed yet.
  let workspace: AgentWorkspace?
  /// What was pushed last.
  let recorded: Snapshot
  let scan: ManagedScan
  let chunks: ChunkStore?
  /// For lists that no later push needs.
  let scratch: Scratch

  var digest: Digest { scan.snapshot.digest }

  /// Opens the workspace, takes the lease, goes on with what an agent that was killed left, and scans. Blocks.
  init(_ parameters: PushParameters) throws {
    scratch = try Scratch()
    // A rehearsal makes nothing, so it looks before it opens.
    if try parameters.dryRun && Disk.stamp(AT_FDCWD, Array(parameters.workspace.utf8)) == nil {
      workspace = nil
      recorded = .empty
      scan = .empty
      chunks = nil
      return
    }
    let opened = try AgentWorkspace(
      parameters.workspace, project: parameters.project, owner: parameters.owner, adopt: parameters.adopt,
      wait: parameters.wait)
    workspace = opened
    chunks = try opened.chunks()
    (recorded, scan) = try opened.scan(scratch.descriptor, chunks: chunks)
  }
}

extension AgentWorkspace {
  /// Goes on with what an agent that was killed left, and looks at what stands.
  func scan(_ scratch: Int32, chunks: ChunkStore?) throws -> (recorded: Snapshot, scan: ManagedScan) {
    try goOn(scratch)
    let recorded = recorded()
    do {
      return (recorded, try ManagedScan.take(root, recorded: recorded, scratch: scratch, chunks: chunks))
    } catch is WireError {
      // A list that is damaged is none: what stands there is nobody's, and stays unless it is as pushed.
      return (.empty, .empty)
    } catch let error as SyncError where error.code == .badTree {
      return (.empty, .empty)
    }
  }

  /// Carries out what an agent had committed when it was killed. A journal that cannot be followed any more is given
  /// up: then what stands counts as edited on the host.
  private func goOn(_ scratch: Int32) throws {
    guard let journal = try Journal.standing(self) else { return }
    do {
      let (plan, savedName) = try journal.read(managed: recorded(), scratch: scratch)
      let staging = try Staging(self)
      _ = try Application(self, plan, staging, isResumed: true).carryOut(savedName: savedName)
    } catch let error as SyncError where [ENOSPC, EDQUOT].contains(error.systemError) {
      throw Refusal.failure(from: error, workspace: path, isCommitted: true)
    } catch {
      try keepMoved()
      try removePlaced()
      try journal.remove()
    }
  }

  /// A directory on its way to another place may hold files that only the host has, and must not go with what was
  /// staged.
  private func keepMoved() throws {
    guard try Disk.stamp(state, Staging.directory)?.kind == .directory else { return }
    let staging = try openState("staging")
    defer { close(staging) }
    let moved = try Disk.names(staging, "staging").filter { name in
      try name.first == UInt8(ascii: "m") && Disk.stamp(staging, name)?.kind == .directory
    }
    guard !moved.isEmpty else { return }
    let saved = try openState("saved")
    defer { close(saved) }
    let time = Array(Clock.name(FileStamp.now() / 1_000_000_000).utf8)
    for name in moved {
      var free = time + [UInt8(ascii: "-")] + name
      while try Disk.stamp(saved, free) != nil { free.append(UInt8(ascii: "+")) }
      try Disk.rename(staging, name, saved, free, "\(path)/.remote-build/saved")
    }
  }

  /// Removes what was staged for the steps of a push that was given up; contents as they arrived stay.
  private func removePlaced() throws {
    guard try Disk.stamp(state, Staging.directory)?.kind == .directory else { return }
    let staging = try openState("staging")
    defer { close(staging) }
    for name in try Disk.names(staging, "staging") where "fmx".utf8.contains(name[0]) {
      try Disk.remove(staging, name, "staging")
    }
  }
}
