#define _GNU_SOURCE
#include "CLinux.h"

// Jobs: see the header.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#endif

int rb_private_pipe(int ends[2]) {
#ifdef __linux__
  return pipe2(ends, O_CLOEXEC);
#else
  if (pipe(ends) < 0) return -1;
  return fcntl(ends[0], F_SETFD, FD_CLOEXEC) < 0 || fcntl(ends[1], F_SETFD, FD_CLOEXEC) < 0 ? -1 : 0;
#endif
}

enum { MOST_DESCRIPTORS = 64 };

struct rb_report {
  int stage;
  int error;
  pid_t process;
};

static void set_close_on_exec_from(int first) {
#ifdef __linux__
  if (syscall(SYS_close_range, first, ~0U, 4 /* CLOSE_RANGE_CLOEXEC */) == 0) return;
#endif
  long most = sysconf(_SC_OPEN_MAX);
  if (most < 0 || most > 1 << 20) most = 1 << 20;
  for (int descriptor = first; descriptor < most; descriptor++) fcntl(descriptor, F_SETFD, FD_CLOEXEC);
}

// In the child: only what is safe between fork and exec in a process that had threads.
static void become(const char *path, char *const argv[], char *const environment[], const char *directory,
                   const int *descriptors, int count, int flags, pid_t parent, int report) {
  struct rb_report failure = {.stage = RB_STAGE_FORK};
  if (flags & RB_SPAWN_DETACHED) setsid();
  if (flags & RB_SPAWN_GROUP) setpgid(0, 0);
#ifdef __linux__
  if (flags & RB_SPAWN_ENDS_WITH_PARENT) {
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) _exit(127);
  }
#else
  (void)parent;
#endif
  // Out of the way first, so that none of the targets is a source that is still needed.
  int moved[MOST_DESCRIPTORS];
  report = fcntl(report, F_DUPFD_CLOEXEC, 2 * MOST_DESCRIPTORS);
  for (int index = 0; index < count; index++) {
    moved[index] = fcntl(descriptors[index], F_DUPFD, 2 * MOST_DESCRIPTORS);
    if (moved[index] < 0) goto failed;
  }
  for (int index = 0; index < count; index++) {
    if (dup2(moved[index], index) < 0) goto failed;
  }
  set_close_on_exec_from(count);
  failure.stage = RB_STAGE_DIRECTORY;
  if (chdir(directory) < 0) goto failed;
  for (int number = 1; number < NSIG; number++) {
    if (number != SIGKILL && number != SIGSTOP) signal(number, SIG_DFL);
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  failure.stage = RB_STAGE_EXEC;
  execve(path, argv, environment);
failed:
  failure.error = errno;
  ssize_t ignored = write(report, &failure, sizeof failure);
  (void)ignored;
  _exit(127);
}

int rb_spawn(const char *path, char *const argv[], char *const environment[], const char *directory,
             const int *descriptors, int count, int flags, int *stage) {
  *stage = RB_STAGE_FORK;
  if (count > MOST_DESCRIPTORS) {
    errno = E2BIG;
    return -1;
  }
  int ends[2];
#ifdef __linux__
  if (pipe2(ends, O_CLOEXEC) < 0) return -1;
#else
  if (pipe(ends) < 0) return -1;
  for (int end = 0; end < 2; end++) fcntl(ends[end], F_SETFD, FD_CLOEXEC);
#endif
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pid_t caller = getpid();
  pid_t child = fork();
  if (child == 0 && (flags & RB_SPAWN_DETACHED)) {
    pid_t grandchild = fork();
    if (grandchild != 0) {
      struct rb_report made = {.stage = RB_STAGE_FORK, .error = grandchild < 0 ? errno : 0, .process = grandchild};
      ssize_t ignored = write(ends[1], &made, sizeof made);
      (void)ignored;
      _exit(0);
    }
  }
  if (child == 0) become(path, argv, environment, directory, descriptors, count, flags, caller, ends[1]);
  int error = errno;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  close(ends[1]);
  if (child < 0) {
    close(ends[0]);
    errno = error;
    return -1;
  }
  struct rb_report report;
  pid_t process = child;
  int failure = 0;
  for (;;) {
    ssize_t got = read(ends[0], &report, sizeof report);
    if (got < 0 && errno == EINTR) continue;
    if (got != sizeof report) break;
    if (report.error == 0) {
      process = report.process;
    } else {
      failure = report.error;
      *stage = report.stage;
    }
  }
  close(ends[0]);
  if ((flags & RB_SPAWN_DETACHED) || failure != 0) {
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR) {
    }
  }
  if (failure != 0) {
    errno = failure;
    return -1;
  }
  return process;
}

static int local_address(const char *path, struct sockaddr_un *address) {
  memset(address, 0, sizeof *address);
  address->sun_family = AF_UNIX;
  if (strlen(path) >= sizeof address->sun_path) {
    errno = ENAMETOOLONG;
    return -1;
  }
  strcpy(address->sun_path, path);
  return 0;
}

int rb_listen_local(const char *path) {
  struct sockaddr_un address;
  if (local_address(path, &address) < 0) return -1;
  int listener = socket(AF_UNIX, SOCK_STREAM, 0);
  if (listener < 0) return -1;
  fcntl(listener, F_SETFD, FD_CLOEXEC);
  fcntl(listener, F_SETFL, O_NONBLOCK);
  // Before bind, so that the socket is never there with a wider mode.
  fchmod(listener, 0600);
  if (bind(listener, (struct sockaddr *)&address, sizeof address) == 0 && chmod(path, 0600) == 0 &&
      listen(listener, 16) == 0)
    return listener;
  int error = errno;
  close(listener);
  errno = error;
  return -1;
}

int rb_connect_local(const char *path) {
  struct sockaddr_un address;
  if (local_address(path, &address) < 0) return -1;
  int connection = socket(AF_UNIX, SOCK_STREAM, 0);
  if (connection < 0) return -1;
  fcntl(connection, F_SETFD, FD_CLOEXEC);
  if (connect(connection, (struct sockaddr *)&address, sizeof address) == 0) return connection;
  int error = errno;
  close(connection);
  errno = error;
  return -1;
}

int rb_accept_own(int listener) {
  int connection = accept(listener, NULL, NULL);
  if (connection < 0) return -1;
  fcntl(connection, F_SETFD, FD_CLOEXEC);
  fcntl(connection, F_SETFL, O_NONBLOCK);
#ifdef __linux__
  struct ucred peer;
  socklen_t size = sizeof peer;
  if (getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && (peer.uid == 0 || peer.uid == geteuid()))
    return connection;
#else
  uid_t user;
  gid_t group;
  if (getpeereid(connection, &user, &group) == 0 && (user == 0 || user == geteuid())) return connection;
#endif
  close(connection);
  errno = EPERM;
  return -1;
}

#ifdef __linux__
int rb_adopt_orphans(void) { return prctl(PR_SET_CHILD_SUBREAPER, 1); }

int rb_signal_descriptor(const int *signals, int count) {
  sigset_t set;
  sigemptyset(&set);
  for (int index = 0; index < count; index++) sigaddset(&set, signals[index]);
  if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0) return -1;
  return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int rb_next_signal(int descriptor) {
  struct signalfd_siginfo info;
  return read(descriptor, &info, sizeof info) == sizeof info ? (int)info.ssi_signo : 0;
}

int rb_process_descriptor(int process) { return (int)syscall(SYS_pidfd_open, process, 0); }

int rb_signal_process(int process_descriptor, int signal) {
  return (int)syscall(SYS_pidfd_send_signal, process_descriptor, signal, NULL, 0);
}

int rb_watch_directory(const char *directory) {
  int descriptor = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
  if (descriptor < 0) return -1;
  if (inotify_add_watch(descriptor, directory, IN_MODIFY | IN_MOVED_TO | IN_DELETE_SELF | IN_ONLYDIR) >= 0)
    return descriptor;
  int error = errno;
  close(descriptor);
  errno = error;
  return -1;
}

int64_t rb_filesystem_type(const char *path) {
  struct statfs facts;
  return statfs(path, &facts) == 0 ? (int64_t)facts.f_type : -1;
}
#else
static int unsupported(void) {
  errno = ENOSYS;
  return -1;
}
int rb_adopt_orphans(void) { return unsupported(); }
int rb_signal_descriptor(const int *signals, int count) { return (void)signals, (void)count, unsupported(); }
int rb_next_signal(int descriptor) { return (void)descriptor, 0; }
int rb_process_descriptor(int process) { return (void)process, unsupported(); }
int rb_signal_process(int descriptor, int signal) { return (void)descriptor, (void)signal, unsupported(); }
int rb_watch_directory(const char *directory) { return (void)directory, unsupported(); }
int64_t rb_filesystem_type(const char *path) { return (void)path, unsupported(); }
#endif

int rb_no_core_dumps(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_CORE, &limit) < 0) return -1;
  limit.rlim_cur = 0;
  return setrlimit(RLIMIT_CORE, &limit);
}
