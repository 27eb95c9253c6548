// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import Vocabulary
import Wire

@testable import Sync

/// A client that speaks the protocol, but not in good faith.
@Suite struct HostileClientTests {
  /// Sends raw operations onto an empty workspace and returns the code that ends the call.
  private func send(
    _ fixture: Fixture, operations: [UInt8], target: Digest = Snapshot.empty.digest, contents: [[UInt8]] = []
  ) async throws -> String? {
    try await fixture.withAgent { connection in
      let parameters = PushParameters(
        workspace: fixture.host, project: "demo", owner: "mallory", adopt: false, allowMassDelete: true, wait: false,
        dryRun: false)
      var frames = [
        try FrameConnection.call(PushKind.service, parameters),
        Attempt(base: Snapshot.empty.digest, target: target).frame,
        Frame(kind: PushKind.operations, payload: operations),
      ]
      frames += contents.map { Frame(kind: PushKind.contents, payload: $0) }
      try await connection.send(frames + [.turn(.done)])
      while let frame = try await connection.receive() {
        if frame.kind == PushKind.credit || frame.kind == PushKind.stop { continue }
        do { _ = try FrameConnection.result(frame, as: PushAnswer.self) } catch let failure as ServiceFailure {
          return failure.code
        }
        return nil
      }
      return "closed"
    }
  }

  private func put(_ path: String, _ kind: TreeEntry.Kind) -> Sync.Operation {
    let entry = TreeEntry(
      path: TreePath(unchecked: Array(path.utf8)), kind: kind, permissions: 0o644, modified: 0)
    return .put(entry, entry.content == nil ? .stays : .sent)
  }

  private func pack(_ pieces: [ContentPiece]) -> [UInt8] {
    let packer = Packer()
    for piece in pieces { packer.add(piece) }
    return packer.finish()
  }

  private var file: TreeEntry.Kind { .file(Content(digest: .sha256(of: "x"), size: 1)) }

  @Test(arguments: [
    "/etc/passwd", "../escape", "a/../../escape", "a//b", "./a", "a/.", "", ".remote-build/managed", "nul\0byte",
  ])
  func aPathThatLeadsElsewhereIsRefused(path: String) async throws {
    let fixture = try Fixture()
    let code = try await send(fixture, operations: OperationWriter.single([put(path, file)]))
    #expect(code == Refusal.badPath.rawValue)
    #expect(try fixture.listing(fixture.host).isEmpty)
    #expect(!fixture.exists("escape", in: fixture.top))
  }

  @Test func aPathBelowALinkIsRefused() async throws {
    let fixture = try Fixture()
    let operations = [put("link", .symlink(Array("/tmp".utf8))), put("link/file", file)]
    #expect(try await send(fixture, operations: OperationWriter.single(operations)) == Refusal.badPath.rawValue)
  }

  @Test func aPathBelowAFileOrNothingIsRefused() async throws {
    let fixture = try Fixture()
    for operations in [[put("f", file), put("f/g", file)], [put("nowhere/g", file)]] {
      #expect(try await send(fixture, operations: OperationWriter.single(operations)) == Refusal.badPath.rawValue)
    }
  }

  @Test func aPathTwiceIsRefused() async throws {
    let fixture = try Fixture()
    let operations = [put("f", file), put("f", .directory)]
    #expect(try await send(fixture, operations: OperationWriter.single(operations)) == Refusal.badPath.rawValue)
  }

  @Test func deletingWhatIsNotManagedIsRefused() async throws {
    let fixture = try Fixture()
    _ = try await fixture.push()
    try fixture.write("host-only", "mine", in: fixture.host)
    let code = try await send(fixture, operations: OperationWriter.single([.delete(try TreePath("host-only"))]))
    #expect(code == Refusal.badPath.rawValue)
    #expect(fixture.text("host-only") == "mine")
  }

  @Test func contentWithAnotherDigestIsRefused() async throws {
    let fixture = try Fixture()
    let tree = try snapshot([TreeEntry(path: TreePath("f"), kind: file, permissions: 0o644, modified: 0)])
    let pack = pack([ContentPiece(place: .whole(0), bytes: [0x79])])
    let code = try await send(
      fixture, operations: OperationWriter.single([put("f", file)]), target: tree.digest, contents: [pack])
    #expect(code == Refusal.digestMismatch.rawValue)
    #expect(!fixture.exists("f"))
  }

  @Test func contentThatNobodyNeedsAndContentThatIsMissingAreRefused() async throws {
    let fixture = try Fixture()
    let tree = try snapshot([TreeEntry(path: TreePath("f"), kind: file, permissions: 0o644, modified: 0)])
    let stray = pack([ContentPiece(place: .whole(1), bytes: [0x78])])
    let chunk = pack([ContentPiece(place: .chunk(.sha256(of: "x"), 0), bytes: [0x78])])
    for contents in [[stray], [chunk], []] {
      let code = try await send(
        fixture, operations: OperationWriter.single([put("f", file)]), target: tree.digest, contents: contents)
      #expect(code == Refusal.digestMismatch.rawValue)
    }
  }

  @Test func aDirectoryIsNotMovedToWherePathsAreTooLong() throws {
    func chain(_ top: String) -> [TreeEntry] {
      (0..<10).map { depth in
        let path = ([top] + Array(repeating: String(repeating: "x", count: 250), count: depth)).joined(separator: "/")
        return TreeEntry(path: TreePath(unchecked: Array(path.utf8)), kind: .directory, permissions: 0o755, modified: 0)
      }
    }
    let scratch = try Scratch()
    let before = try snapshot(chain("a") + chain("b"))
    let deepest = try #require(chain("a").last)
    var target = deepest
    target.path = deepest.path.appending(Array("b".utf8))
    let steps = Spool(scratch.descriptor)
    try steps.append(OperationWriter.single([.put(target, .moved(0)), .moveAway(TreePath("b"), 0)]))
    var planner = ApplyPlanner(before, steps, root: nil, adopt: false)
    #expect(throws: SyncError.self) {
      try planner.plan(SnapshotWriter(scratch.descriptor, nil, path: "a tree"), allowMassDelete: true)
    }
  }

  @Test func operationsThatLeadToAnotherTreeAreRefused() async throws {
    let fixture = try Fixture()
    let code = try await send(fixture, operations: OperationWriter.single([put("d", .directory)]))
    #expect(code == Refusal.digestMismatch.rawValue)
    #expect(!fixture.exists("d"))
  }

  @Test func aPackThatUnpacksToMoreThanItSaysIsRefused() throws {
    var pack = pack([ContentPiece(place: .whole(0), bytes: [UInt8](repeating: 0, count: 100_000)[...])])
    var decoder = MessageDecoder(pack)
    #expect(try decoder.readByte() == 1)
    pack[1] = 0x81
    #expect(throws: WireError.self) { try Unpacker.pieces(pack) }
    #expect(throws: WireError.self) { try Unpacker.pieces([1, 0xff, 0xff, 0xff, 0xff, 0x7f]) }
  }

  @Test func aWorkspaceWhoseStateIsALinkIsRefused() async throws {
    let fixture = try Fixture()
    try fixture.write("a", "one")
    mkdir(fixture.host, 0o755)
    mkdir(fixture.top + "/elsewhere", 0o755)
    symlink(fixture.top + "/elsewhere", fixture.host + "/.remote-build")
    #expect(try await refusal { _ = try await fixture.push() }?.code == Refusal.notOurs.rawValue)
    #expect(try fixture.listing(fixture.top + "/elsewhere").isEmpty)
  }

  @Test func oldKernelsKeepInsideToo() throws {
    let fixture = try Fixture()
    try fixture.write("in/deep/file", "x")
    symlink("/tmp", fixture.laptop + "/in/link")
    let held = HeldDirectory(open(fixture.laptop, O_RDONLY | O_DIRECTORY))
    close(try held.openStepwise(Array("in/deep".utf8)))
    close(try held.openDirectory(Array("in/deep".utf8)))
    #expect(throws: SyncError.self) { try held.openStepwise(Array("in/link".utf8)) }
    #expect(throws: SyncError.self) { try held.openDirectory(Array("in/link".utf8)) }
  }
}
