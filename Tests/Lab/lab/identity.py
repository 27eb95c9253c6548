# SPDX-License-Identifier: Apache-2.0
"""SSH keys: those that may log in to the lab's hosts, one that may not, and the hosts' own."""

import os
import secrets
import subprocess

import machine


def generate(path, kind, comment, passphrase=""):
    """A key pair at the path and path.pub, unless it stands there already."""
    if not os.path.exists(path):
        subprocess.run(
            [machine.program("ssh-keygen"), "-q", "-t", kind, "-N", passphrase, "-C", comment, "-f", path],
            check=True, stdin=subprocess.DEVNULL)
    return path


def public(path):
    with open(path + ".pub") as file:
        return file.read().strip()


class Identities:
    def __init__(self, state):
        directory = state.make("identities", mode=0o700)
        self.passphrase = state.setting("passphrase", lambda: secrets.token_urlsafe(12))
        self.paths = {}
        for name, kind, phrase in (
            ("ed25519", "ed25519", ""), ("ecdsa", "ecdsa", ""), ("encrypted", "ed25519", self.passphrase),
            ("unauthorized", "ed25519", ""),
        ):
            self.paths[name] = generate(os.path.join(directory, name), kind, f"lab {name}", phrase)

    def authorized(self):
        """The text of the hosts' authorized_keys."""
        return "".join(public(path) + "\n" for name, path in self.paths.items() if name != "unauthorized")

    def description(self):
        return {**self.paths, "passphrase": self.passphrase}
