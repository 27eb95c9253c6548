// SPDX-License-Identifier: Apache-2.0

internal import CLinux
public import SystemPackage

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

extension FileDescriptor {
  /// A pipe whose ends no program inherits that this process starts meanwhile: one that held a writing end would keep
  /// the reader from ever seeing the end. Throws `Errno`.
  public static func privatePipe() throws -> (readEnd: FileDescriptor, writeEnd: FileDescriptor) {
    var ends: [CInt] = [-1, -1]
    guard rb_private_pipe(&ends) == 0 else { throw Errno(rawValue: errno) }
    return (FileDescriptor(rawValue: ends[0]), FileDescriptor(rawValue: ends[1]))
  }
}
