# SPDX-License-Identifier: Apache-2.0
"""The lab of Tests/Lab, as the tests raise it: real SSH servers on loopback, and what a benchmark asks of them."""

import json
import os
import select
import subprocess
import sys

import command

HERE = os.path.dirname(os.path.abspath(__file__))
LAB = os.path.join(HERE, "..", "..", "Tests", "Lab", "lab")
START = 900  # seconds: the stand-in image may have to be made first


class Laboratory:
    """One lab for all rows. It ends with its standard input, so nothing stays when the benchmark is killed."""

    def __init__(self, arguments, scratch):
        self.log = os.path.join(scratch, "lab.log")
        self.place = f"/dev/shm/remote-build-bench-{os.getpid()}"
        self.far_ones = {}
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(
                [sys.executable, LAB, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
                start_new_session=True)
        try:
            self.description = self.answer(START)
            if "error" in self.description:
                raise command.Failed(f"the lab does not start: {self.description['error']}")
        except BaseException:
            self.end()
            raise
        self.config = self.description["ssh"]["config"]
        self.hosts = [host["name"] for host in self.description["hosts"]]

    def answer(self, limit):
        if not select.select([self.process.stdout], [], [], limit)[0]:
            raise command.Failed(f"the lab said nothing in {limit} s")
        line = self.process.stdout.readline()
        if not line:
            with open(self.log) as file:
                raise command.Failed("the lab ended: " + command.last_words(file.read()))
        return json.loads(line)

    def order(self, **order):
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        answer = self.answer(120)
        if not answer["ok"]:
            raise command.Failed(f"the lab cannot do {order['do']}: {answer['error']}")
        return answer["answer"]

    def far(self, host, milliseconds):
        """The name under which the same sshd answers through a proxy that holds all bytes back, each way."""
        if host not in self.far_ones:
            name = f"{host}-far"
            self.order(do="proxy", to=host, name=name)
            self.order(do="delay", proxy=name, up=milliseconds, down=milliseconds)
            self.far_ones[host] = name
        return self.far_ones[host]

    def carried(self, far):
        """Bytes that a proxy has passed on so far towards the host, SSH's own included."""
        return self.order(do="carried", proxy=far)["up"]

    def ssh(self, host, *words):
        command.run([["ssh", "-F", self.config, host, *words]], os.environ, 300)

    def directory(self, host, *parts):
        """A place on the host's tmpfs; with hosts that share one (a lab without root) each has its own."""
        return os.path.join(self.place, host, *parts)

    def remove(self, host, path):
        self.ssh(host, "rm", "-rf", path)

    def make(self, host, path):
        self.ssh(host, "mkdir", "-p", path)

    def first_process(self, host):
        return next(each["firstProcess"] for each in self.description["hosts"] if each["name"] == host)

    def end(self):
        if self.process.poll() is None and hasattr(self, "hosts"):
            for host in self.hosts:
                try:
                    self.remove(host, self.place)
                except command.Failed:
                    pass  # the host's tmpfs goes with the host
        try:
            self.process.stdin.close()
            self.process.wait(90)
        except (OSError, subprocess.TimeoutExpired):
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
