// SPDX-License-Identifier: Apache-2.0

internal import SystemPackage

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// Files that are read and written as a whole, and the directories that hold them.
enum SmallFile {
  /// The first `limit` bytes. Throws `Errno`.
  static func read(_ path: FilePath, limit: Int) throws -> [UInt8] {
    let file = try FileDescriptor.open(path, .readOnly, options: [.closeOnExec])
    defer { try? file.close() }
    var bytes: [UInt8] = []
    while bytes.count < limit {
      let more = try [UInt8](unsafeUninitializedCapacity: min(64 << 10, limit - bytes.count)) { buffer, count in
        count = try file.read(into: UnsafeMutableRawBufferPointer(buffer))
      }
      if more.isEmpty { break }
      bytes += more
    }
    return bytes
  }

  /// Makes or replaces the file with mode 0600: whoever reads it sees the old content or the new. Throws `Errno`.
  static func replace(_ path: FilePath, with bytes: [UInt8]) throws {
    let temporary = FilePath("\(path).\(getpid())")
    do {
      let file = try FileDescriptor.open(
        temporary, .writeOnly, options: [.create, .truncate, .closeOnExec, .noFollow], permissions: .ownerReadWrite)
      defer { try? file.close() }
      try file.writeAll(bytes)
      try checked(fsync(file.rawValue))
      try checked(rename(temporary.string, path.string))
    } catch {
      unlink(temporary.string)
      throw error
    }
  }

  /// Makes a file of mode 0600 that was not there. Throws `Errno`.
  static func create(_ path: FilePath, with bytes: [UInt8]) throws {
    let file = try FileDescriptor.open(
      path, .writeOnly, options: [.create, .exclusiveCreate, .closeOnExec, .noFollow], permissions: .ownerReadWrite)
    defer { try? file.close() }
    try file.writeAll(bytes)
  }

  /// The names in a directory, but `.` and `..`. Throws `Errno`.
  static func names(in directory: FilePath) throws -> [String] {
    guard let stream = opendir(directory.string) else { throw Errno(rawValue: errno) }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != "." && name != ".." { names.append(name) }
    }
    return names
  }

  /// Removes what is there under `path`, a directory with all that it holds; links are not followed.
  static func removeTree(_ path: FilePath) {
    var facts = stat()
    guard lstat(path.string, &facts) == 0 else { return }
    guard facts.st_mode & S_IFMT == S_IFDIR else {
      unlink(path.string)
      return
    }
    for name in (try? names(in: path)) ?? [] { removeTree(path.appending(name)) }
    rmdir(path.string)
  }

  /// Whether something is there; a link counts by what it points to.
  static func exists(_ path: FilePath) -> Bool { access(path.string, F_OK) == 0 }
}
