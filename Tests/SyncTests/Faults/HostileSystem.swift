// SPDX-License-Identifier: Apache-2.0

import Foundation
import SystemPackage

/// A library that is loaded into an agent before all others, counts the calls that change the disk, and at one of them
/// kills the agent, as a machine that breaks would, or says that the disk is full from then on.
struct HostileSystem {
  private let library: String
  private let counts: String

  enum Fault {
    case kill
    /// With an error's number: the call fails, and all after it that need room.
    case full(Int32)
    /// The call alone fails.
    case failure(Int32)
  }

  init(in directory: String) throws {
    library = directory + "/hostile.so"
    counts = directory + "/hostile.count"
    let source = directory + "/hostile.c"
    try Self.source.write(toFile: source, atomically: false, encoding: .utf8)
    let compiler = Process()
    compiler.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    compiler.arguments = ["cc", "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"]
    try compiler.run()
    compiler.waitUntilExit()
    guard compiler.terminationStatus == 0 else { throw Errno.invalidArgument }
  }

  /// What an agent is started with, so that the fault comes at one of its calls, counted from 1.
  /// - Parameter isCommitted: whether calls count only from the moment on when the journal takes its name.
  func variables(_ fault: Fault, at call: Int, isCommitted: Bool = false) -> [String: String] {
    var variables = ["LD_PRELOAD": library, "HOSTILE_AT": "\(call)", "HOSTILE_COUNT": counts]
    if isCommitted { variables["HOSTILE_AFTER"] = "journal" }
    switch fault {
    case .kill: variables["HOSTILE_ACT"] = "kill"
    case .full(let error): (variables["HOSTILE_ACT"], variables["HOSTILE_ERROR"]) = ("full", "\(error)")
    case .failure(let error): (variables["HOSTILE_ACT"], variables["HOSTILE_ERROR"]) = ("fail", "\(error)")
    }
    return variables
  }

  /// How many calls the last agent made that came to an orderly end.
  func calls() -> Int {
    let text = try? String(contentsOfFile: counts, encoding: .utf8)
    return text.flatMap { Int($0.trimmingCharacters(in: .whitespacesAndNewlines)) } ?? 0
  }

  private static let source = #"""
    #define _GNU_SOURCE
    #include <dlfcn.h>
    #include <errno.h>
    #include <fcntl.h>
    #include <signal.h>
    #include <stdarg.h>
    #include <stdatomic.h>
    #include <stdio.h>
    #include <stdlib.h>
    #include <string.h>
    #include <sys/stat.h>
    #include <sys/syscall.h>
    #include <unistd.h>

    static atomic_long seen;
    static long at;
    static int act, error_number;
    static const char *after;
    enum { KILL = 1, FULL, FAIL };

    #define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

    __attribute__((constructor)) static void begin(void) {
      const char *text = getenv("HOSTILE_AT"), *what = getenv("HOSTILE_ACT"), *error = getenv("HOSTILE_ERROR");
      at = text ? atol(text) : 0;
      act = !what ? 0 : !strcmp(what, "kill") ? KILL : !strcmp(what, "full") ? FULL : FAIL;
      error_number = error ? atoi(error) : 0;
      after = getenv("HOSTILE_AFTER");
    }

    __attribute__((destructor)) static void end(void) {
      const char *path = getenv("HOSTILE_COUNT");
      FILE *file = path ? fopen(path, "w") : NULL;
      if (!file) return;
      fprintf(file, "%ld\n", (long)seen);
      fclose(file);
    }

    // Whether this call is to fail; 2 where it is to be the last.
    static int step(int needs_room) {
      if (after) return 0;
      long number = ++seen;
      if (!at || number < at) return 0;
      if (act == KILL) return number == at ? 2 : 0;
      if (act == FULL ? !needs_room : number != at) return 0;
      errno = error_number;
      return 1;
    }

    static void die(void) { for (;;) kill(getpid(), SIGKILL); }

    #define CHANGE(needs_room, call) \
      switch (step(needs_room)) { \
      case 0: return call; \
      case 1: return -1; \
      default: die(); return -1; \
      }

    static int is_file(int fd) {
      struct stat status;
      int kept = errno, is = fd > 2 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
      errno = kept;
      return is;
    }

    // A write that is the last may be done in part.
    #define WRITE(name, type, call, half) \
      if (!is_file(fd)) return call; \
      switch (step(1)) { \
      case 0: return call; \
      case 1: return -1; \
      default: half; die(); return -1; \
      }

    ssize_t write(int fd, const void *bytes, size_t count) {
      WRITE(write, ssize_t, REAL(write)(fd, bytes, count), (void)!REAL(write)(fd, bytes, count / 2))
    }
    ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset) {
      WRITE(pwrite, ssize_t, REAL(pwrite)(fd, bytes, count, offset), (void)!REAL(pwrite)(fd, bytes, count / 2, offset))
    }
    ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t offset) { return pwrite(fd, bytes, count, offset); }

    int openat(int directory, const char *path, int flags, ...) {
      va_list list;
      va_start(list, flags);
      mode_t mode = va_arg(list, mode_t);
      va_end(list);
      if (!(flags & O_CREAT)) return REAL(openat)(directory, path, flags, mode);
      CHANGE(1, REAL(openat)(directory, path, flags, mode))
    }
    int mkdirat(int directory, const char *path, mode_t mode) { CHANGE(1, REAL(mkdirat)(directory, path, mode)) }
    int mkdir(const char *path, mode_t mode) { CHANGE(1, REAL(mkdir)(path, mode)) }
    int symlinkat(const char *target, int directory, const char *path) {
      CHANGE(1, REAL(symlinkat)(target, directory, path))
    }
    int linkat(int from, const char *old, int to, const char *new, int flags) {
      CHANGE(1, REAL(linkat)(from, old, to, new, flags))
    }
    int renameat(int from, const char *old, int to, const char *new) {
      if (after && !strcmp(new, after)) after = NULL;
      CHANGE(0, REAL(renameat)(from, old, to, new))
    }
    int unlinkat(int directory, const char *path, int flags) { CHANGE(0, REAL(unlinkat)(directory, path, flags)) }
    int ftruncate(int fd, off_t size) { CHANGE(0, REAL(ftruncate)(fd, size)) }
    int fchmod(int fd, mode_t mode) { CHANGE(0, REAL(fchmod)(fd, mode)) }
    int futimens(int fd, const struct timespec times[2]) { CHANGE(0, REAL(futimens)(fd, times)) }
    int utimensat(int directory, const char *path, const struct timespec times[2], int flags) {
      CHANGE(0, REAL(utimensat)(directory, path, times, flags))
    }
    int posix_fallocate(int fd, off_t offset, off_t size) {
      switch (step(1)) {
      case 0: return REAL(posix_fallocate)(fd, offset, size);
      case 1: return errno;
      default: die(); return -1;
      }
    }
    // Two names change places.
    long syscall(long number, ...) {
      long words[6];
      va_list list;
      va_start(list, number);
      for (int index = 0; index < 6; index++) words[index] = va_arg(list, long);
      va_end(list);
      long (*real)(long, ...) = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
      if (number != SYS_renameat2) return real(number, words[0], words[1], words[2], words[3], words[4], words[5]);
      CHANGE(0, real(number, words[0], words[1], words[2], words[3], words[4], words[5]))
    }
    """#
}
