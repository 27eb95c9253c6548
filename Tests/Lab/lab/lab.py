# SPDX-License-Identifier: Apache-2.0
"""The lab: hosts, registries and what joins them, started and stopped as one."""

import os
import subprocess

import machine
import standin
from authority import Authority
from host import Host
from identity import Identities
from liar import Liar
from proxy import Proxy
from registry import Registry
from tokens import Tokens
from wheels import Wheels

BUNDLE_INSIDE = "/run/secrets/ca-bundle"


class Lab:
    def __init__(self, state, options, tell):
        self.state, self.options, self.tell = state, options, tell
        self.hosts, self.registries, self.parts, self.proxies = [], [], [], {}
        self.mirror = self.stand_in = self.tokens = self.liar = self.wheels = None
        self.engine = engine(options.docker, options.hosts)
        self.authority = Authority(state)
        self.identities = Identities(state)

    def secure_registries(self):
        return [each for each in self.registries + [self.liar] if each and each.is_secure()]

    def start(self):
        options = self.options
        if options.stand_in and self.engine not in ("own", "none"):
            machine.must_pull(self.engine, standin.NAME)  # the machine's own engine has the true one
        elif options.stand_in:
            storage, self.stand_in = standin.ready(self.tell)
            self.mirror = Registry(self, "mirror", storage)
            self.registries.append(self.mirror)
        for kind in {"both": ("htpasswd", "token"), "none": ()}.get(options.registry, (options.registry,)):
            if kind == "token":
                self.tokens = Tokens(self, options.token_lifetime)
            self.registries.append(Registry(self, kind))
            if kind == "token":
                self.tokens.start(self.registries[-1].user, self.registries[-1].password)
                self.parts.append(self.tokens)
            if kind == "htpasswd":
                self.liar = Liar(self, self.registries[-1])
                self.liar.start()
                self.parts.append(self.liar)
        self.wheels = Wheels(self, machine.wheel_directories())
        self.wheels.start()
        self.parts.append(self.wheels)
        for registry in self.registries:
            registry.start()
            self.parts.append(registry)
        for settings in options.hosts:
            host = Host(self, **settings)
            host.prepare()
            self.hosts.append(host)
            host.start()
        self.write_ssh_files()
        self.write_machine_files()
        for each in self.registries + self.hosts:
            each.await_ready()

    # Files for clients

    def write_ssh_files(self):
        known, config = "", "# The hosts of one remote-build lab.\n"
        for host in self.hosts:
            known += known_lines(host, host.port)
            config += self.ssh_entry(host, host.name, host.port)
        for proxy in self.proxies.values():
            host = self.find_host(proxy.of)
            if host:
                known += known_lines(host, proxy.port)
                config += self.ssh_entry(host, proxy.name, proxy.port)
        self.state.write("known_hosts", known)
        self.state.write("ssh_config", config)

    def ssh_entry(self, host, name, port):
        return (
            f"\nHost {name}\n  HostName 127.0.0.1\n  Port {port}\n  User {host.user}\n"
            f"  IdentityFile {self.identities.paths['ed25519']}\n  IdentitiesOnly yes\n  IdentityAgent none\n"
            f"  UserKnownHostsFile {self.state.path('known_hosts')}\n  GlobalKnownHostsFile none\n  StrictHostKeyChecking yes\n")

    def write_machine_files(self):
        with open(machine.certificates()) as bundle:
            self.state.write("machine/ca-bundle.crt", bundle.read())
        find_links = self.wheels.address if self.wheels.files else None
        self.state.write("machine/pip.conf", machine.pip_conf(BUNDLE_INSIDE, find_links))

    def description(self):
        return {
            "state": self.state.directory, "process": os.getpid(), "docker": self.engine,
            "hosts": [host.description() for host in self.hosts],
            "registries": [each.description() for each in self.registries + [self.liar] if each],
            "ssh": {
                "config": self.state.path("ssh_config"), "knownHosts": self.state.path("known_hosts"),
                "identities": self.identities.description(),
            },
            "authority": self.authority.certificate,
            "machine": {
                # Secrets for builds: the pip.conf expects the bundle as the build secret `ca-bundle`.
                "pipConf": self.state.path("machine", "pip.conf"), "certificates": self.state.path("machine", "ca-bundle.crt"),
                "certificatesInside": BUNDLE_INSIDE, "findLinks": self.wheels.address if self.wheels.files else None,
            },
            "standIn": self.stand_in and {**self.stand_in, "mirror": self.mirror.address},
        }

    # Commands

    def command(self, order):
        what = order.get("do")
        if what == "proxy":
            return self.open_proxy(order["to"], order.get("name"))
        if what in ("delay", "cut", "freeze", "thaw", "refuse", "carried"):
            return self.proxies[order["proxy"]].command(order)
        if what == "lie":
            return self.liar.command(order)
        if what == "host":
            host = Host(self, **order["with"])
            host.prepare(), self.hosts.append(host), host.start(), self.write_ssh_files(), host.await_ready()
            return host.description()
        if what == "describe":
            return self.description()
        if what == "new-host-key":
            return self.change_host_key(order["host"])
        raise ValueError(f"unknown command {what!r}")

    def open_proxy(self, to, name):
        """to: a host's name, a registry's kind, or a port number."""
        host = self.find_host(to)
        registry = next((each for each in self.registries + [self.liar] if each and each.kind == to), None)
        target = host.port if host else registry.port if registry else int(to)
        name = name or f"{to}-proxy-{len(self.proxies) + 1}"
        if name in self.proxies or self.find_host(name):
            raise ValueError(f"the name {name} is taken")
        secure = registry is not None and registry.is_secure()
        proxy = Proxy(name, self.state.port(f"proxy {name}"), target, tls_only=secure, of=to)
        proxy.start()
        self.proxies[name] = proxy
        self.write_ssh_files()
        return {"proxy": name, "address": f"127.0.0.1:{proxy.port}", "port": proxy.port}

    def find_host(self, name):
        return next((host for host in self.hosts if host.name == name), None)

    def change_host_key(self, name):
        """known_hosts then holds other keys than the host shows, as after a reinstallation or in an attack."""
        host = self.find_host(name)
        other = self.state.make("other-keys", name)
        import identity
        path = identity.generate(os.path.join(other, "ed25519"), "ed25519", "another")
        wrong = " ".join(identity.public(path).split()[:2])
        file = self.state.write(f"other-keys/{name}/known_hosts", f"[127.0.0.1]:{host.port} {wrong}\n")
        return {"knownHosts": file}

    def stop(self):
        for host in self.hosts:
            host.signal_end()
        for part in [*self.proxies.values(), *self.parts, *self.hosts]:
            try:
                part.stop()
            except Exception as error:  # one part's trouble must not leave the others running
                self.tell(f"while stopping: {error}")


def known_lines(host, port):
    return "".join(f"[127.0.0.1]:{port} {key}\n" for key in host.host_keys())


def engine(wanted, hosts):
    """own, none, or the address of the machine's engine."""
    if wanted in ("own", "none") or not hosts:
        return wanted if wanted == "own" else "none"
    found = machine.engine()
    if found:
        return found
    if machine.is_root():
        return "own"
    raise machine.Missing(
        "no Docker engine answers on this machine, and a throwaway one needs root: start Docker (does `docker version` "
        "show a Server?), or run this as root with the package docker.io installed")
