// SPDX-License-Identifier: Apache-2.0

internal import SystemPackage
internal import Vocabulary
internal import Wire

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// The right to move what has a name, such as a channel: an exclusive `flock` each, which this agent holds until it
/// gives it back or ends. A dead holder loses it by itself.
struct NamedLeases: Sendable {
  let directory: FilePath
  /// Keeps the descriptors between the calls.
  let locks: HeldLocks

  /// Who holds a lease, for those that have to wait.
  struct Holder: Codable, Sendable {
    var name: String
    var owner: String
    /// Seconds since 1970.
    var since: Double
  }

  private static let most = 256

  /// Takes all of `names` or none. Throws `lease-held` with `owner` and `since` where someone has one of them.
  func take(_ names: [String], owner: String) throws {
    let names = Set(names).sorted()
    guard !names.isEmpty, names.count <= Self.most, (names + [owner]).allSatisfy(Self.isName) else {
      throw ServiceFailure(.invalidSpec, "a lease needs a name and an owner of 1 to 512 printable characters")
    }
    try PrivateDirectory.ensure(directory)
    var taken: [String] = []
    do {
      // In one order everywhere, so that two who want the same ones do not stop each other for nothing.
      for name in names {
        try take(name, owner)
        taken.append(name)
      }
    } catch {
      release(taken)
      throw error
    }
  }

  func release(_ names: [String]) { for name in names { try? locks.take(lock(name).string)?.close() } }

  private func take(_ name: String, _ owner: String) throws {
    let lock = lock(name)
    let file = try ServiceFailure.wrapping("cannot open the lease \(lock)") {
      try FileDescriptor.open(
        lock, .readWrite, options: [.create, .closeOnExec, .noFollow], permissions: .ownerReadWrite)
    }
    do {
      while flock(file.rawValue, LOCK_EX | LOCK_NB) != 0 {
        if errno == EINTR { continue }
        throw errno == EWOULDBLOCK
          ? held(name) : ServiceFailure.system("cannot lock \(lock)", Errno(rawValue: errno))
      }
      try ServiceFailure.wrapping("cannot write who holds \(lock)") {
        let holder = Holder(name: name, owner: owner, since: secondsSince1970())
        try SmallFile.replace(holderFile(name), with: FrameConnection.json(holder))
      }
    } catch {
      try? file.close()
      throw error
    }
    locks.hold(lock.string, file)
  }

  private func held(_ name: String) -> ServiceFailure {
    let bytes = try? SmallFile.read(holderFile(name), limit: 8192)
    let holder = bytes.flatMap { try? FrameConnection.decode(Holder.self, $0) }
    return ServiceFailure(
      "lease-held", "someone else moves \(name)",
      details: [
        "name": [name], "owner": [holder?.owner ?? "someone"], "since": holder.map { ["\(Int64($0.since))"] } ?? [],
      ])
  }

  private func lock(_ name: String) -> FilePath { directory.appending("\(Digest.sha256(of: name.utf8).hex).lock") }

  private func holderFile(_ name: String) -> FilePath {
    directory.appending("\(Digest.sha256(of: name.utf8).hex).holder")
  }

  private static func isName(_ text: String) -> Bool {
    (1...512).contains(text.utf8.count) && text.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7f }
  }
}
