# SPDX-License-Identifier: Apache-2.0
"""The lab's directory: everything that it writes, and the sweeping of what a killed lab left behind."""

import fcntl
import json
import os
import random
import signal
import socket
import subprocess
import tempfile
import zlib

import process

PREFIX = "remote-build-lab-"


class State:
    """One directory per lab. A kept one can be taken up again: its keys, ports, registries and images stay."""

    def __init__(self, directory, keep, tell):
        self.keep = keep
        root = os.environ.get("REMOTE_BUILD_LAB_TMPDIR", "/var/tmp")
        sweep(root, tell)
        if directory is None:
            directory = tempfile.mkdtemp(prefix=PREFIX, dir=root)
        os.makedirs(directory, mode=0o700, exist_ok=True)
        os.chmod(directory, 0o700)
        self.directory = os.path.realpath(directory)
        entries = set(os.listdir(self.directory))
        if entries and not entries & {"owner.json", "settings.json"}:
            raise RuntimeError(f"{self.directory} is not empty and not a lab's: give --state another directory")
        self.lock = open(self.path("lock"), "w")
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RuntimeError(f"another lab runs in {self.directory}") from None
        if "owner.json" in entries:
            clear(self.directory, tell, remove=not keep)
            os.makedirs(self.directory, mode=0o700, exist_ok=True)
            if not keep:
                self.lock = open(self.path("lock"), "w")
                fcntl.flock(self.lock, fcntl.LOCK_EX)
        self.children = []
        self.record()
        self.settings = self.read("settings.json") or {}

    def path(self, *parts):
        return os.path.join(self.directory, *parts)

    def make(self, *parts, mode=0o755):
        path = self.path(*parts)
        os.makedirs(path, exist_ok=True)
        os.chmod(path, mode)
        return path

    def read(self, *parts):
        try:
            with open(self.path(*parts)) as file:
                return json.load(file)
        except (FileNotFoundError, ValueError):
            return None

    def write(self, name, text, mode=0o600):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path + ".new", "w", opener=lambda p, flags: os.open(p, flags, mode)) as file:
            file.write(text)
        os.rename(path + ".new", path)
        return path

    def record(self):
        self.write("owner.json", json.dumps({
            "boot": process.boot_id(), "pid": os.getpid(), "started": process.start_time(os.getpid()),
            "children": [[pid, process.start_time(pid)] for pid in self.children],
        }))

    def own(self, pid):
        """Remembers a child, so that a later lab can end it if this one is killed."""
        self.children.append(pid)
        self.record()

    def setting(self, name, make):
        """A value that stays the same when a kept state is taken up again."""
        if name not in self.settings:
            self.settings[name] = make()
            self.write("settings.json", json.dumps(self.settings, indent=2))
        return self.settings[name]

    def port(self, name):
        """A free port, below those that the kernel gives to outgoing connections; the same one on the next start if kept."""
        taken = [value for key, value in self.settings.items() if key.startswith("port ")]
        return self.setting(f"port {name}", lambda: free_port(taken))

    def end(self, tell):
        if self.keep:
            remove_control_groups(control_group(self.directory))
            os.unlink(self.path("owner.json"))
        else:
            remove_tree(self.directory, tell)


def free_port(taken):
    for port in random.sample(range(20000, 30000), 1000):
        if port in taken:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise RuntimeError("no free port between 20000 and 29999")


def sweep(root, tell):
    """Ends and removes what labs that no longer run have left in the directory."""
    for name in sorted(os.listdir(root)):
        path = os.path.join(root, name)
        if not name.startswith(PREFIX):
            continue
        try:
            if os.stat(path).st_uid != os.geteuid():
                continue
            with open(os.path.join(path, "lock")) as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # held by a running lab, or by one that sweeps too
                clear(path, tell, remove=True)
        except (FileNotFoundError, NotADirectoryError, BlockingIOError):
            continue


def clear(path, tell, remove):
    try:
        with open(os.path.join(path, "owner.json")) as file:
            owner = json.load(file)
    except (FileNotFoundError, ValueError):
        return
    if owner["boot"] == process.boot_id():
        if process.is_running(owner["pid"], owner["started"]):
            return
        for pid, started in owner["children"]:
            if process.is_running(pid, started):
                tell(f"ending process {pid}, left by a lab that was killed")
                os.kill(pid, signal.SIGKILL)
                process.until(lambda: not process.is_running(pid, started), 10, f"the end of process {pid}")
    if remove:
        tell(f"removing {path}, left by a lab that was killed")
        remove_tree(path, tell)


def remove_tree(path, tell):
    for mount in reversed(mounts_below(path)):
        subprocess.run(["umount", "-l", mount], check=False)
    remove_control_groups(control_group(path))
    if mounts_below(path):
        tell(f"{path} still holds mounts and was left as it is")
        return
    subprocess.run(["rm", "-rf", "--", path], check=True)  # many times faster than in Python


def mounts_below(path):
    found = []
    with open("/proc/self/mounts") as file:
        for line in file:
            place = line.split()[1].encode().decode("unicode_escape")
            if place == path or place.startswith(path + "/"):
                found.append(place)
    return found


def control_group(path):
    """The name of the control group of a lab's containers."""
    return f"remote-build-lab-{zlib.crc32(os.path.realpath(path).encode()):08x}"


def remove_control_groups(name):
    """Empty control groups that a killed engine left under the lab's own name."""
    base = "/sys/fs/cgroup"
    for top in {base, *(os.path.join(base, each) for each in os.listdir(base))} if os.path.isdir(base) else ():
        group = os.path.join(top, name)
        if os.path.isdir(group):
            for directory, _, _ in os.walk(group, topdown=False):
                try:
                    os.rmdir(directory)
                except OSError:
                    pass
