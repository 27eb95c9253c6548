# SPDX-License-Identifier: Apache-2.0
"""Processes that the lab starts: known by pid and start time, ended with the lab, whatever ends it."""

import os
import signal
import subprocess
import time

import machine


def start_time(pid):
    """The kernel's start time of a process in ticks since boot (with the pid it names a process for good), or None."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return int(file.read().rpartition(")")[2].split()[19])
    except (OSError, IndexError, ValueError):
        return None


def state_of(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return None


def boot_id():
    with open("/proc/sys/kernel/random/boot_id") as file:
        return file.read().strip()


def is_running(pid, started):
    return started is not None and start_time(pid) == started and state_of(pid) not in (None, "Z", "X")


class Process:
    """A child that the kernel kills when the lab dies (PR_SET_PDEATHSIG, set by setpriv), with its output in a log."""

    def __init__(self, name, command, log, environment=None):
        self.name = name
        self.log = log
        with open(log, "ab") as out:
            self.child = subprocess.Popen(
                [machine.program("setpriv"), "--pdeathsig", "KILL", *command],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True,
                env={"PATH": machine.SYSTEM_PATH, "LC_ALL": "C.UTF-8", "HOME": "/nonexistent", **(environment or {})},
            )
        self.pid = self.child.pid

    def ended(self):
        return self.child.poll() is not None

    def last_words(self):
        with open(self.log, errors="replace") as file:
            return "".join(file.readlines()[-8:]).strip()

    def signal(self, number):
        if not self.ended():
            self.child.send_signal(number)

    def wait(self, seconds):
        try:
            self.child.wait(seconds)
            return True
        except subprocess.TimeoutExpired:
            return False

    def stop(self, seconds=10):
        self.signal(signal.SIGTERM)
        if not self.wait(seconds):
            self.signal(signal.SIGKILL)
            self.child.wait()


def until(condition, seconds, what, process=None):
    """Waits for a condition of another process that has no event to wait on; a dead process or the time limit is an error."""
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        if process and process.ended():
            raise RuntimeError(f"{process.name} ended before it was ready:\n{process.last_words()}")
        if time.monotonic() > deadline:
            words = f"\n{process.last_words()}" if process else ""
            raise RuntimeError(f"{what} took more than {seconds} s{words}")
        time.sleep(0.02)
    return answer
