// SPDX-License-Identifier: Apache-2.0

internal import CLinux

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// The processes that descend from a supervisor. It adopts those whose parents have ended, so that none gets away.
struct Family {
  private let own = getpid()

  init() { _ = rb_adopt_orphans() }

  /// Whether the child `pid` has ended; it is not reaped yet, so that its number stays its own.
  func hasEnded(_ pid: Int32) -> Bool {
    var facts = siginfo_t()
    let result = waitid(P_PID, id_t(pid), &facts, WEXITED | WNOHANG | WNOWAIT)
    return result < 0 ? errno == ECHILD : facts.si_signo == SIGCHLD
  }

  /// Ends what is left of the process group of the child `leader`, which has ended, and reaps it.
  func bury(_ leader: Int32) -> ProcessEnd {
    kill(-leader, SIGKILL)
    var status: CInt = 0
    while waitpid(leader, &status, 0) < 0 {
      guard errno == EINTR else { return ProcessEnd() }
    }
    return ProcessEnd(waitStatus: status)
  }

  /// Reaps adopted children that have ended, but not `except`.
  func reapOrphans(but except: Int32) {
    for pid in ProcessStat.descendants(of: own) where pid != except {
      if let stat = ProcessStat(pid), stat.parent == own, stat.state == "Z" { waitpid(pid, nil, WNOHANG) }
    }
  }

  /// Sends every descendant a signal.
  func signalAll(_ number: CInt) {
    for pid in ProcessStat.descendants(of: own) { kill(pid, number) }
  }

  /// Kills every descendant, and those that these start meanwhile, and waits for their ends.
  func killAll() {
    while true {
      signalAll(SIGKILL)
      if waitpid(-1, nil, 0) < 0 && errno == ECHILD { return }
    }
  }
}
