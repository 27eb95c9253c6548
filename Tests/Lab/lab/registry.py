# SPDX-License-Identifier: Apache-2.0
"""The lab's registries: Debian's docker-registry with TLS and one way of authentication each, and a mirror for the stand-in."""

import http.client
import json
import os
import secrets
import ssl
import subprocess

import machine
import process
from proxy import Proxy


class Registry:
    """kind: htpasswd, token, or mirror (plain HTTP, read-only, no authentication)."""

    def __init__(self, lab, kind, storage=None):
        self.lab, self.kind = lab, kind
        self.port = lab.state.port(f"registry {kind}")
        self.address = f"127.0.0.1:{self.port}"
        self.inner_port = lab.state.port(f"registry {kind}, behind its front") if self.is_secure() else self.port
        self.front = Proxy(f"front of {kind}", self.port, self.inner_port, tls_only=True) if self.is_secure() else None
        self.storage = storage or lab.state.make("registries", kind, "storage")
        self.user = "lab"
        self.password = lab.state.setting(f"password {kind}", lambda: secrets.token_urlsafe(18))
        self.process = None

    def is_secure(self):
        return self.kind != "mirror"

    def start(self):
        state = self.lab.state
        directory = state.make("registries", self.kind)
        storage = {"filesystem": {"rootdirectory": self.storage}, "delete": {"enabled": True}}
        server = {"addr": f"127.0.0.1:{self.inner_port}"}
        settings = {"version": 0.1, "log": {"level": "info", "accesslog": {"disabled": False}}, "storage": storage, "http": server}
        if self.kind == "mirror":
            storage["maintenance"] = {"readonly": {"enabled": True}}
            storage["delete"]["enabled"] = False
        else:
            server["tls"] = {"certificate": self.lab.authority.server_certificate, "key": self.lab.authority.server_key}
        if self.kind == "htpasswd":
            path = state.write("registries/htpasswd/htpasswd", self.hashed())
            settings["auth"] = {"htpasswd": {"realm": "remote-build lab", "path": path}}
        elif self.kind == "token":
            settings["auth"] = {"token": self.lab.tokens.registry_settings()}
        # JSON is YAML too.
        configuration = state.write(f"registries/{self.kind}/config.yml", json.dumps(settings, indent=2))
        self.process = process.Process(
            f"registry {self.kind}", [machine.program("docker-registry"), "serve", configuration],
            os.path.join(directory, "registry.log"))
        state.own(self.process.pid)
        if self.front:
            self.front.start()

    def hashed(self):
        return subprocess.run(
            [machine.program("htpasswd"), "-niB", self.user], input=self.password, text=True, capture_output=True, check=True
        ).stdout

    def await_ready(self):
        process.until(self.answers, 20, f"starting the registry {self.kind}", self.process)

    def answers(self):
        try:
            if self.is_secure():
                context = ssl.create_default_context(cafile=self.lab.authority.certificate)
                connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=5, context=context)
            else:
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
            connection.request("GET", "/v2/")
            return connection.getresponse().status in (200, 401)
        except OSError:
            return False

    def stop(self):
        if self.front:
            self.front.stop()
        if self.process:
            self.process.stop(5)

    def description(self):
        told = {"kind": self.kind, "address": self.address, "port": self.port, "log": self.process.log, "storage": self.storage}
        if self.is_secure():
            told |= {"user": self.user, "password": self.password, "certificate": self.lab.authority.certificate}
        if self.kind == "token":
            told |= {"realm": self.lab.tokens.realm, "service": self.lab.tokens.SERVICE, "lifetime": self.lab.tokens.lifetime}
        return told
