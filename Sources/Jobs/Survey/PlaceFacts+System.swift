// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import SystemPackage
internal import Vocabulary

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

extension PlaceFacts {
  /// Looks at `path`, and at the filesystem that it lies or would lie on. Nothing is written.
  init(lookingAt path: String) {
    var facts = stat()
    let isThere = stat(path, &facts) == 0
    let kind: Kind =
      switch isThere ? facts.st_mode & S_IFMT : 0 {
      case 0: .missing
      case S_IFDIR: .directory
      case S_IFREG: .file
      case S_IFSOCK: .socket
      default: .other
      }
    var nearest = FilePath(path)
    while !SmallFile.exists(nearest) && nearest.removeLastComponent() {}
    _ = stat(nearest.string, &facts)
    var volume = statvfs()
    _ = statvfs(nearest.string, &volume)
    let unit = Int64(clamping: volume.f_frsize)
    func bytes(_ blocks: some BinaryInteger) -> ByteCount {
      ByteCount(Int64(clamping: blocks).multipliedReportingOverflow(by: unit).partialValue)
    }
    self.init(
      path: path, kind: kind, realPath: Self.realPath(nearest.string), nearest: nearest.string, owner: facts.st_uid,
      isWritable: access(nearest.string, W_OK) == 0, filesystem: Self.filesystem(nearest.string),
      isReadOnly: volume.f_flag & Self.readOnly != 0, isNoExec: volume.f_flag & Self.noExec != 0,
      size: bytes(volume.f_blocks), free: bytes(volume.f_bavail), inodes: Int64(clamping: volume.f_files),
      freeInodes: Int64(clamping: volume.f_favail))
  }

  // ST_RDONLY and ST_NOEXEC, which the headers show to GNU sources alone.
  private static let readOnly: UInt = 1
  private static let noExec: UInt = 8

  /// Where the path leads in truth; `nil` where that is the path itself.
  private static func realPath(_ path: String) -> String? {
    guard let found = realpath(path, nil) else { return nil }
    #if canImport(Glibc)
      defer { Glibc.free(found) }
    #else
      defer { Darwin.free(found) }
    #endif
    let text = String(cString: found)
    return text == FilePath(path).lexicallyNormalized().string ? nil : text
  }

  private static func filesystem(_ path: String) -> String {
    let number = rb_filesystem_type(path)
    return names[number] ?? "0x\(String(number, radix: 16))"
  }

  /// statfs(2)'s numbers of the kinds that hosts have.
  private static let names: [Int64: String] = [
    0xef53: "ext4", 0x5846_5342: "xfs", 0x9123_683e: "btrfs", 0x2fc1_2fc1: "zfs", 0x794c_7630: "overlay",
    Int64(RB_TMPFS): "tmpfs", 0x6969: "nfs", 0xff53_4d42: "cifs", 0xfe53_4d42: "smb", 0x6573_5546: "fuse",
    0x0102_1997: "9p", 0xf2f5_2010: "f2fs",
  ]
}
