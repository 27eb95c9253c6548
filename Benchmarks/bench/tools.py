# SPDX-License-Identifier: Apache-2.0
"""The two tools: how each is called, and what it says that it did."""

import datetime
import json
import os
import shutil
import subprocess
import time

import command

PHASES = ("connected", "synced", "standing", "started", "pushed", "verified")
FACTS = ("filesChanged", "contentBytes", "bytesSent", "roundTrips")


class Ours:
    """remote-build with a home of its own, so that its caches are as warm or cold as the row wants them."""

    title = "ours"

    def __init__(self, program, lab, hosts, home):
        self.program, self.lab, self.hosts, self.home = program, lab, hosts, home
        self.environment = environment(home)
        write_hosts(self.environment, hosts)

    def destination(self, host):
        """One for all hosts, since a run has one name for it; hosts that share a tmpfs cannot be pushed to at once."""
        return self.lab.directory(self.hosts[0], "ours")

    def forget(self):
        """Makes the client's side cold: no stat cache, no tree that a host acknowledged. The agent stays installed."""
        for name in ("XDG_CACHE_HOME", "XDG_STATE_HOME"):
            shutil.rmtree(self.environment[name], ignore_errors=True)

    def run(self, source, limit, watch=None):
        words = [self.program, "sync", "--workspace", source, "--ssh-config", self.lab.config, "--json"]
        words += ["--remote-dir", self.destination(None)]
        for host in self.hosts:
            words += ["--host", host]
        began = time.time()
        finished = command.run([words], self.environment, limit, watch)
        finished.facts = facts(finished.outputs[0])
        finished.phases = phases(finished.outputs[0], began)
        return finished


def facts(text):
    """The largest value of any host, of each member of `synced` that a row may ask about."""
    events = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    synced = [event for event in events if event.get("event") == "synced"]
    if not synced:
        raise command.Failed("remote-build tells of no sync")
    return {name: max(event.get(name, 0) for event in synced) for name in FACTS}


def phases(text, began):
    """Seconds from the command's start to each event (the last host's), by the events' own times: where the time goes."""
    found = {}
    for line in text.splitlines():
        event = json.loads(line)
        if event.get("event") in PHASES:
            at = datetime.datetime.fromisoformat(event["time"].replace("Z", "+00:00")).timestamp()
            found[event["event"]] = round(at - began, 3)
    return found


class Rsync:
    title = "rsync"

    def __init__(self, lab, hosts, master=None):
        """master: a ControlMaster's socket; without it each run logs in anew, as ours does."""
        self.lab, self.hosts, self.master = lab, hosts, master
        self.environment = {**os.environ, "LC_ALL": "C.UTF-8"}

    def destination(self, host):
        return self.lab.directory(host, "theirs")

    def forget(self):
        pass

    def command(self, source, host, destination=None, options=()):
        ssh = f"ssh -F {self.lab.config}" + (f" -S {self.master}" if self.master else "")
        target = f"{host}:{destination or self.destination(host)}/"
        return ["rsync", "-a", "--delete", "-z", "--zc=zstd", *options, "-e", ssh, source + "/", target]

    def run(self, source, limit, watch=None):
        finished = command.run([self.command(source, host) for host in self.hosts], self.environment, limit, watch)
        finished.facts = {}
        return finished

    def differences(self, source, host, destination, contents=True):
        """What rsync would do to make the destination equal to the source: the judge of both tools' work."""
        options = ["-n", "-i", "-O", "--exclude=/.remote-build", *(["--checksum"] if contents else [])]
        finished = command.run([self.command(source, host, destination, options)], self.environment, 600)
        # The destination itself is a place and not a part of the tree: its permissions are the host's.
        return [line for line in finished.outputs[0].splitlines() if not line.endswith(" ./")]


class Master:
    """An SSH connection that stands ready, for the tool that logs in over it."""

    def __init__(self, lab, host, scratch):
        self.words = ["ssh", "-F", lab.config, "-S", os.path.join(scratch, "master"), "-o", "LogLevel=ERROR"]
        self.socket, self.host = os.path.join(scratch, "master"), host
        self.process = subprocess.Popen(
            [*self.words, "-M", "-N", host], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(200):
            if subprocess.run([*self.words, "-O", "check", host], capture_output=True).returncode == 0:
                return
            try:
                self.process.wait(0.05)
                break
            except subprocess.TimeoutExpired:
                continue
        self.end()
        raise command.Failed("the ControlMaster does not come up")

    def end(self):
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait()


def environment(home):
    told = {name: os.path.join(home, place) for name, place in (
        ("HOME", ""), ("XDG_CONFIG_HOME", "config"), ("XDG_CACHE_HOME", "cache"), ("XDG_STATE_HOME", "state"),
        ("XDG_DATA_HOME", "data"), ("DOCKER_CONFIG", "docker"))}
    return {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "NO_COLOR": "1", **told}


def write_hosts(environment, hosts):
    """The hosts' files as a user would have them; `build-network` is what the lab's own engines need."""
    place = os.path.join(environment["XDG_CONFIG_HOME"], "remote-build", "hosts")
    os.makedirs(place, exist_ok=True)
    for host in hosts:
        with open(os.path.join(place, f"{host}.yaml"), "w") as file:
            file.write(f"address: {host}\nroles: [build]\nbuild-network: host\n")
