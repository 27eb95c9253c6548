#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "CLinux.h"

// Sync: see the header.
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/ioctl.h>
#include <sys/syscall.h>

#ifndef SYS_openat2
#define SYS_openat2 437
#endif

// <linux/openat2.h> and <linux/fs.h> are not everywhere; these numbers are the kernel's ABI.
struct rb_open_how {
  uint64_t flags;
  uint64_t mode;
  uint64_t resolve;
};

int rb_open_beneath(int directory, const char *path, int flags, uint32_t mode) {
  struct rb_open_how how = {
      .flags = (uint64_t)(unsigned)(flags | O_CLOEXEC),
      .mode = mode,
      .resolve = 0x02 | 0x04 | 0x08,
  };
  return (int)syscall(SYS_openat2, directory, path, &how, sizeof how);
}

int rb_clone_file(int target, int source) { return ioctl(target, _IOW(0x94, 9, int), source); }

int rb_exchange(int from, const char *old_path, int to, const char *new_path) {
  return (int)syscall(SYS_renameat2, from, old_path, to, new_path, 2);
}

int rb_sync_filesystem(int descriptor) { return (int)syscall(SYS_syncfs, descriptor); }
#else
int rb_open_beneath(int directory, const char *path, int flags, uint32_t mode) {
  (void)directory, (void)path, (void)flags, (void)mode;
  errno = ENOSYS;
  return -1;
}

int rb_clone_file(int target, int source) {
  (void)target, (void)source;
  errno = ENOSYS;
  return -1;
}

int rb_exchange(int from, const char *old_path, int to, const char *new_path) {
  (void)from, (void)old_path, (void)to, (void)new_path;
  errno = ENOSYS;
  return -1;
}

int rb_sync_filesystem(int descriptor) {
  (void)descriptor;
  sync();
  return 0;
}
#endif

int64_t rb_next_data(int file, int64_t offset) { return lseek(file, offset, SEEK_DATA); }

int64_t rb_next_hole(int file, int64_t offset) { return lseek(file, offset, SEEK_HOLE); }
