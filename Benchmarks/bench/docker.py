# SPDX-License-Identifier: Apache-2.0
"""`docker -H ssh://HOST`: the client of this machine on a lab host's engine, as people use it without remote-build."""

import base64
import json
import os
import re
import shutil

import command
import tools

# Debian's own first, as in the lab: what lies in /usr/local may be a client without BuildKit.
SYSTEM_PATH = "/usr/bin:/usr/sbin:/bin:/sbin:/usr/local/bin"


class Docker:
    title = "docker"

    def __init__(self, lab, host, home):
        self.host, self.environment = host, tools.environment(home)
        self.program = shutil.which("docker", path=SYSTEM_PATH)
        ssh = shutil.which("ssh", path=SYSTEM_PATH)
        if not self.program or not ssh:
            raise command.Failed("docker or ssh is not installed: scripts/setup test")
        # The client calls `ssh` without a way to say -F, and ssh looks for its file in the account's home, not in $HOME.
        wrapper = os.path.join(home, "bin", "ssh")
        os.makedirs(os.path.dirname(wrapper))
        with open(wrapper, "w", opener=lambda path, flags: os.open(path, flags, 0o755)) as file:
            file.write(f'#!/bin/sh\nexec {ssh} -F "{lab.config}" "$@"\n')
        self.environment |= {"PATH": os.path.dirname(wrapper) + ":" + SYSTEM_PATH, "DOCKER_BUILDKIT": "1"}

    def words(self, *words):
        return [self.program, "-H", f"ssh://{self.host}", *words]

    def run(self, *words, limit=300):
        """One command, from its start to its exit."""
        return command.run([self.words(*words)], self.environment, limit)

    def build(self, source, *more):
        """`--network host`: the lab's engines have no network of their own for a build's steps."""
        return self.run("build", "--network", "host", "--progress", "plain", *more, source)


def login(environment, registry):
    """Writes the registry's login where docker and remote-build both look for it."""
    os.makedirs(environment["DOCKER_CONFIG"], mode=0o700, exist_ok=True)
    secret = base64.b64encode(f"{registry['user']}:{registry['password']}".encode()).decode()
    path = os.path.join(environment["DOCKER_CONFIG"], "config.json")
    with open(path, "w", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        json.dump({"auths": {registry["address"]: {"auth": secret}}}, file)


def context_seconds(text):
    """How long BuildKit says that it loaded the context."""
    step = re.search(r"^#(\d+) \[internal\] load build context$", text, re.M)
    done = step and re.search(rf"^#{step[1]} DONE ([0-9.]+)s$", text, re.M)
    if not done:
        raise command.Failed("docker build tells of no context")
    return float(done[1])
