// SPDX-License-Identifier: Apache-2.0
// What the C library declares as a macro or a variadic, or does not wrap at all, as functions that Swift can call.
#pragma once

#include <stdint.h>

// A pipe with both ends close-on-exec from the first: where the system has such a call, no program that is started
// meanwhile inherits them. -1 with errno set where it fails.
int rb_private_pipe(int ends[2]);

// Sync: what keeps the agent inside a workspace, and what copies and settles files there. Each returns 0 (or a
// descriptor) and otherwise -1 with errno set; where the kernel has no such call, errno is ENOSYS.

// openat2 with RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS; O_CLOEXEC is added to the flags.
int rb_open_beneath(int directory, const char *path, int flags, uint32_t mode);
// FICLONE: makes `target` share the blocks of `source`.
int rb_clone_file(int target, int source);
// renameat2 with RENAME_EXCHANGE: each of two paths takes the other's place at once.
int rb_exchange(int from, const char *old_path, int to, const char *new_path);
// Where the next data, or the next hole, of a file begins (SEEK_DATA, SEEK_HOLE), as lseek says it.
int64_t rb_next_data(int file, int64_t offset);
int64_t rb_next_hole(int file, int64_t offset);
// Writes everything of the filesystem that holds `descriptor` to the disk.
int rb_sync_filesystem(int descriptor);

// Jobs: starting processes and watching over them. Each returns -1 with errno set where it fails; where the kernel has
// no such call, errno is ENOSYS.

enum {
  // The child leads a process group of its own.
  RB_SPAWN_GROUP = 1,
  // The child leads a session of its own and is no child of the caller's: nobody here has to wait for it.
  RB_SPAWN_DETACHED = 2,
  // The child is sent SIGTERM when the calling thread ends.
  RB_SPAWN_ENDS_WITH_PARENT = 4,
};
enum { RB_STAGE_FORK = 0, RB_STAGE_DIRECTORY = 1, RB_STAGE_EXEC = 2 };

// Starts `path` with the descriptors given as 0, 1, 2, … and none besides, with default signal dispositions. Returns the
// process id when the new program runs; on failure `stage` says what failed.
int rb_spawn(const char *path, char *const argv[], char *const environment[], const char *directory,
             const int *descriptors, int count, int flags, int *stage);
// Makes the orphaned descendants of this process its own children.
int rb_adopt_orphans(void);
// Blocks `signals` and returns a descriptor from which they are read; it does not block.
int rb_signal_descriptor(const int *signals, int count);
// The next signal of such a descriptor, 0 when there is none.
int rb_next_signal(int descriptor);
// A descriptor that becomes readable when the process ends.
int rb_process_descriptor(int process);
int rb_signal_process(int process_descriptor, int signal);
// A descriptor that becomes readable when a file in `directory` is written, or replaced by a rename.
int rb_watch_directory(const char *directory);
// The number of the filesystem's type that holds `path`.
int64_t rb_filesystem_type(const char *path);
enum { RB_TMPFS = 0x01021994 };
// A listening socket of mode 0600 in the filesystem; it does not block.
int rb_listen_local(const char *path);
int rb_connect_local(const char *path);
// The next connection if its peer is this process's user or root, else -1.
int rb_accept_own(int listener);
// What this process holds in memory shall not end up in a core dump.
int rb_no_core_dumps(void);
