// SPDX-License-Identifier: Apache-2.0

public import Wire

/// What an agent serves of this room.
public enum SyncServices {
  /// Adds `sync.push`, `sync.bulk`, `slot.prepare`, `workspace.look` and `workspace.tidy`.
  /// - Parameter locks: where the locks of prepared slots are kept for the jobs that will build from them.
  public static func add(to table: inout ServiceTable, locks: HeldLocks) {
    table.add(PushKind.service) { (parameters: PushParameters, connection) in
      var service = PushService(parameters, connection)
      return try await service.run()
    }
    table.add(BulkParameters.service) { (parameters: BulkParameters, connection) in
      try await BulkService(parameters, connection).run()
    }
    table.add(SlotClient.service) { (parameters: SlotParameters, connection) in
      try await SlotPreparation(parameters, locks).run(connection)
    }
    table.add(WorkspaceTidying.look) { (parameters: LookParameters, _) in
      try await Threads.run { try WorkspaceLook(parameters.workspace).run() }
    }
    table.add(WorkspaceTidying.tidy) { (parameters: TidyParameters, _) in
      try await Threads.run { try Tidying(parameters, locks).run() }
    }
  }
}
