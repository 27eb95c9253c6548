# SPDX-License-Identifier: Apache-2.0
"""Whole commands: timed from their start to their exit, bounded, and ended as a group where they do not end themselves."""

import os
import select
import signal
import subprocess
import tempfile
import time

TICK = 0.02  # seconds between two looks at the memory of what runs


class Failed(Exception):
    """A command did not do what it was asked; the text has its last words."""


class Running:
    def __init__(self, command, environment):
        self.command = command
        # Files, not pipes: nobody has to read along while the time is taken.
        self.out, self.err = tempfile.TemporaryFile("w+"), tempfile.TemporaryFile("w+")
        self.child = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=self.out, stderr=self.err, start_new_session=True)
        # Waiting on it has no granularity, as Popen's wait with a time limit has.
        self.descriptor = os.pidfd_open(self.child.pid)

    def end(self):
        if self.child.returncode is None:
            try:
                os.killpg(self.child.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self.child.wait()
        os.close(self.descriptor)
        texts = []
        for file in (self.out, self.err):
            file.seek(0)
            texts.append(file.read())
            file.close()
        return texts


class Finished:
    """outputs and errors: what each command wrote on its standard output, and on its standard error."""

    def __init__(self, seconds, texts):
        self.seconds = seconds
        self.outputs, self.errors = zip(*texts)


def run(commands, environment, limit, watch=None):
    """Runs commands side by side. The time is from the first one's start to the last one's exit.

    limit: seconds; watch: called with the list of what runs, every TICK, for what can only be seen meanwhile.
    """
    running, outputs, seconds = [], [], 0.0
    poll = select.poll()
    start = time.perf_counter()
    try:
        for command in commands:
            running.append(Running(command, environment))
            poll.register(running[-1].descriptor, select.POLLIN)
        pending = len(running)
        while pending:
            left = start + limit - time.perf_counter()
            if left <= 0:
                raise Failed(f"{name(commands[0])} took more than {limit} s")
            for descriptor, _ in poll.poll(1000 * (TICK if watch else left)):
                poll.unregister(descriptor)
                pending -= 1
                seconds = time.perf_counter() - start
            if watch:
                watch(running)
        for each in running:
            each.child.wait()
    finally:
        for each in running:
            outputs.append(each.end())
    for each, (out, err) in zip(running, outputs):
        if each.child.returncode:
            raise Failed(f"{name(each.command)} ended with {each.child.returncode}: {last_words(err or out)}")
    return Finished(seconds, outputs)


def remove(path):
    """Many times faster than in Python, where a tree has a million files."""
    subprocess.run(["rm", "-rf", "--one-file-system", "--", path], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def name(command):
    return os.path.basename(command[0])


def last_words(text):
    """In one line, since it stands in a table."""
    return " / ".join(line.strip() for line in text.strip().splitlines()[-4:])[:400].replace("|", "\\|")
