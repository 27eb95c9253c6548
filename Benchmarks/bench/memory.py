# SPDX-License-Identifier: Apache-2.0
"""Peak memory of the client and of the agent on a host, as the kernel counts it (VmHWM), seen while they run."""

import os


class Peaks:
    """The client's own process, and every process on the lab's host that runs an installed agent."""

    AGENT = "/.cache/remote-build/agents/"

    def __init__(self, first_process):
        self.client = self.agent = 0
        self.room = room(first_process or "self")
        self.known = {}

    def __call__(self, running):
        for each in running:
            self.client = max(self.client, peak(each.child.pid))
        for pid in filter(str.isdigit, os.listdir("/proc")):
            if self.known.get(pid) is None:
                self.known[pid] = self.is_agent(pid)
            if self.known[pid]:
                self.agent = max(self.agent, peak(pid))

    def is_agent(self, pid):
        """None for what may still become one: a login shell does, by exec."""
        try:
            if room(pid) != self.room:
                return False if room(pid) else None
            return True if self.AGENT in os.readlink(f"/proc/{pid}/exe") else None
        except OSError:
            return None


def room(pid):
    """The mount namespace, which a lab's host has to itself: other labs on this machine are none of ours."""
    try:
        return os.readlink(f"/proc/{pid}/ns/mnt")
    except OSError:
        return None


def peak(pid):
    """Bytes; 0 for a process that is gone."""
    try:
        with open(f"/proc/{pid}/status") as file:
            return next((int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM:")), 0)
    except OSError:
        return 0
