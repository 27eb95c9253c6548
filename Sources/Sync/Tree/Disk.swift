// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import SystemPackage
internal import Vocabulary

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// System calls on names that are bytes, each relative to a directory held open. Symbolic links are never followed.
enum Disk {
  /// Calls `body` with `bytes` as a C string.
  static func withPath<Value>(_ bytes: [UInt8], _ body: (UnsafePointer<CChar>) throws -> Value) rethrows -> Value {
    let text = bytes + [0]
    return try text.withUnsafeBytes { try body($0.baseAddress!.assumingMemoryBound(to: CChar.self)) }
  }

  /// The stamp of `name` in `directory`; `nil` where nothing stands there.
  static func stamp(_ directory: Int32, _ name: [UInt8]) throws -> FileStamp? {
    var status = stat()
    if withPath(name, { fstatat(directory, $0, &status, AT_SYMLINK_NOFOLLOW) }) == 0 { return FileStamp(status) }
    if errno == ENOENT || errno == ENOTDIR { return nil }
    throw SyncError.last("look at", TreePath.text(name))
  }

  static func stamp(_ descriptor: Int32, named path: String) throws -> FileStamp {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw SyncError.last("look at", path) }
    return FileStamp(status)
  }

  /// The names in a directory, unsorted, without `.` and `..`.
  static func names(_ directory: Int32, _ path: String) throws -> [[UInt8]] {
    // Another open description, since reading moves a position that duplicates share.
    let listed = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard listed >= 0 else { throw SyncError.last("read the directory", path) }
    guard let stream = fdopendir(listed) else {
      defer { close(listed) }
      throw SyncError.last("read the directory", path)
    }
    defer { closedir(stream) }
    var names: [[UInt8]] = []
    while true {
      errno = 0
      guard let entry = readdir(stream) else { break }
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: UInt8.self, capacity: 256) {
          Array(UnsafeBufferPointer(start: $0, count: strlen($0)))
        }
      }
      if name != [TreePath.dot] && name != [TreePath.dot, TreePath.dot] { names.append(name) }
    }
    guard errno == 0 else { throw SyncError.last("read the directory", path) }
    return names
  }

  private static func strlen(_ text: UnsafePointer<UInt8>) -> Int {
    var count = 0
    while text[count] != 0 { count += 1 }
    return count
  }

  /// The target of a symbolic link.
  static func target(_ directory: Int32, _ name: [UInt8], _ path: String) throws -> [UInt8] {
    var failed = false
    let target = [UInt8](unsafeUninitializedCapacity: 4096) { buffer, count in
      let read = buffer.withMemoryRebound(to: CChar.self) { buffer in
        withPath(name) { readlinkat(directory, $0, buffer.baseAddress!, buffer.count) }
      }
      failed = read < 0
      count = max(0, read)
    }
    if failed { throw SyncError.last("read the link", path) }
    return target
  }

  static func open(_ directory: Int32, _ name: [UInt8], _ flags: Int32, mode: mode_t = 0o600, path: String) throws
    -> Int32
  {
    let descriptor = withPath(name) { openat(directory, $0, flags | O_NOFOLLOW | O_CLOEXEC, mode) }
    guard descriptor >= 0 else { throw SyncError.last("open", path) }
    return descriptor
  }

  static func close(_ descriptor: Int32) {
    #if canImport(Glibc)
      _ = Glibc.close(descriptor)
    #else
      _ = Darwin.close(descriptor)
    #endif
  }

  /// Reads up to `count` bytes; empty at the end.
  static func read(_ descriptor: Int32, _ count: Int, _ path: String) throws -> [UInt8] {
    while true {
      var failure: Int32 = 0
      let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
        #if canImport(Glibc)
          let result = Glibc.read(descriptor, buffer.baseAddress, count)
        #else
          let result = Darwin.read(descriptor, buffer.baseAddress, count)
        #endif
        failure = result < 0 ? errno : 0
        filled = max(0, result)
      }
      if failure == EINTR { continue }
      guard failure == 0 else { throw SyncError.number(failure, "read", path) }
      return bytes
    }
  }

  /// Reads up to `count` bytes from a place in a file; fewer only at its end.
  static func read(_ descriptor: Int32, at offset: Int, _ count: Int, _ path: String) throws -> [UInt8] {
    var failure: Int32 = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      filled = 0
      while filled < count {
        let result = pread(descriptor, buffer.baseAddress! + filled, count - filled, off_t(offset + filled))
        if result < 0 && errno == EINTR { continue }
        if result < 0 { failure = errno }
        if result <= 0 { break }
        filled += result
      }
    }
    guard failure == 0 else { throw SyncError.number(failure, "read", path) }
    return bytes
  }

  static func write(_ descriptor: Int32, _ bytes: some ContiguousBytesOfFile, _ path: String) throws {
    try bytes.withBytes { buffer in
      var done = 0
      while done < buffer.count {
        #if canImport(Glibc)
          let result = Glibc.write(descriptor, buffer.baseAddress! + done, buffer.count - done)
        #else
          let result = Darwin.write(descriptor, buffer.baseAddress! + done, buffer.count - done)
        #endif
        if result >= 0 { done += result } else if errno != EINTR { throw SyncError.last("write", path) }
      }
    }
  }

  /// Writes to a place in a file.
  static func write(_ descriptor: Int32, at offset: Int, _ bytes: UnsafeRawBufferPointer, _ path: String) throws {
    var done = 0
    while done < bytes.count {
      let result = pwrite(descriptor, bytes.baseAddress! + done, bytes.count - done, off_t(offset + done))
      if result >= 0 { done += result } else if errno != EINTR { throw SyncError.last("write", path) }
    }
  }

  /// Copies a whole file into an empty one; what is a hole stays one.
  static func copy(_ source: Int32, _ target: Int32, _ path: String) throws {
    let size = Int(try stamp(source, named: path).size)
    guard ftruncate(target, off_t(size)) == 0 else { throw SyncError.last("make room for", path) }
    var offset = 0
    while offset < size {
      let data = Int(rb_next_data(source, Int64(offset)))
      if data < 0 && errno == ENXIO { return }
      // A filesystem that knows of no holes says so by an error: then all is data.
      if data > offset { offset = data }
      let hole = Int(rb_next_hole(source, Int64(offset)))
      let end = hole > offset ? min(hole, size) : size
      while offset < end {
        let bytes = try read(source, at: offset, min(1 << 20, end - offset), path)
        guard !bytes.isEmpty else { return }
        try bytes.withUnsafeBytes { try write(target, at: offset, $0, path) }
        offset += bytes.count
      }
    }
  }

  static func setModified(_ descriptor: Int32, _ nanoseconds: Int64, _ path: String) throws {
    var times = Self.times(nanoseconds)
    guard futimens(descriptor, &times) == 0 else { throw SyncError.last("set the time of", path) }
  }

  static func setModified(_ directory: Int32, _ name: [UInt8], _ nanoseconds: Int64, _ path: String) throws {
    var times = Self.times(nanoseconds)
    guard withPath(name, { utimensat(directory, $0, &times, AT_SYMLINK_NOFOLLOW) }) == 0 else {
      throw SyncError.last("set the time of", path)
    }
  }

  /// The access time is set along with the other: nobody relies on it.
  private static func times(_ nanoseconds: Int64) -> [timespec] {
    let (seconds, rest) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
    let floored = rest < 0 ? (seconds - 1, rest + 1_000_000_000) : (seconds, rest)
    let time = timespec(tv_sec: Int(floored.0), tv_nsec: Int(floored.1))
    return [time, time]
  }

  /// Removes what stands at `name`, a directory with all that is in it; nothing there is no error.
  static func remove(_ directory: Int32, _ name: [UInt8], _ path: String) throws {
    guard let stamp = try stamp(directory, name) else { return }
    if stamp.kind == .directory {
      let inner = try open(directory, name, O_RDONLY | O_DIRECTORY, path: path)
      defer { close(inner) }
      if stamp.permissions & 0o700 != 0o700 { _ = fchmod(inner, 0o700) }
      for child in try names(inner, path) { try remove(inner, child, path + "/" + TreePath.text(child)) }
      guard withPath(name, { unlinkat(directory, $0, AT_REMOVEDIR) }) == 0 else { throw SyncError.last("remove", path) }
    } else if withPath(name, { unlinkat(directory, $0, 0) }) != 0 && errno != ENOENT {
      throw SyncError.last("remove", path)
    }
  }

  static func rename(_ from: Int32, _ old: [UInt8], _ to: Int32, _ new: [UInt8], _ path: String) throws {
    let result = withPath(old) { old in withPath(new) { renameat(from, old, to, $0) } }
    guard result == 0 else { throw SyncError.last("move into place", path) }
  }

  /// Puts each of two paths in the other's place. Throws with `EINVAL` or `ENOSYS` where the filesystem or the kernel
  /// cannot.
  static func exchange(_ from: Int32, _ old: [UInt8], _ to: Int32, _ new: [UInt8], _ path: String) throws {
    let result = withPath(old) { old in withPath(new) { rb_exchange(from, old, to, $0) } }
    guard result == 0 else { throw SyncError.last("move into place", path) }
  }

  /// Writes a file whole or not at all: under a name of its own, then moved.
  static func replace(_ directory: Int32, _ name: [UInt8], _ pieces: some Sequence<[UInt8]>, _ path: String) throws {
    let temporary = name + Array(".new".utf8)
    _ = withPath(temporary) { unlinkat(directory, $0, 0) }
    let file = try open(directory, temporary, O_WRONLY | O_CREAT | O_EXCL, path: path)
    do {
      defer { close(file) }
      for piece in pieces { try write(file, piece, path) }
    } catch {
      _ = withPath(temporary) { unlinkat(directory, $0, 0) }
      throw error
    }
    try rename(directory, temporary, directory, name, path)
  }

  /// A whole small file of at most `limit` bytes; `nil` where there is none.
  static func contents(_ directory: Int32, _ name: [UInt8], limit: Int, _ path: String) throws -> [UInt8]? {
    let file: Int32
    do { file = try open(directory, name, O_RDONLY | O_NONBLOCK, path: path) } catch let error {
      if (error as? SyncError)?.systemError == ENOENT { return nil }
      throw error
    }
    defer { close(file) }
    var bytes: [UInt8] = []
    while true {
      let more = try read(file, 64 << 10, path)
      if more.isEmpty { return bytes }
      bytes += more
      guard bytes.count <= limit else {
        throw SyncError(.io, "\(path) has more than \(limit) bytes, which is not to be expected of it", path: path)
      }
    }
  }
}

/// Bytes that lie in one piece.
protocol ContiguousBytesOfFile {
  func withBytes(_ body: (UnsafeRawBufferPointer) throws -> Void) rethrows
}

extension [UInt8]: ContiguousBytesOfFile {
  func withBytes(_ body: (UnsafeRawBufferPointer) throws -> Void) rethrows { try withUnsafeBytes(body) }
}

extension ArraySlice<UInt8>: ContiguousBytesOfFile {
  func withBytes(_ body: (UnsafeRawBufferPointer) throws -> Void) rethrows { try withUnsafeBytes(body) }
}
