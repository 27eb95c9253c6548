# SPDX-License-Identifier: Apache-2.0
"""A lab host: an sshd and a dockerd in namespaces of their own.

As root a host is nearly a machine: own process ids, mounts, name, /etc, /home, /tmp, /run, and the user `deploy` in the
group docker. All of it goes with the host's first process, so nothing can be left behind. Without root a host is an
sshd of the user's own with another HOME, and the machine's engine.
"""

import json
import os
import signal
import socket
import subprocess

import identity
import machine
import process
import state

USER = "deploy"
NUMBER = 4177

BOOT = """#!/bin/sh
# First process of the host: sets up its mounts, starts its servers, reaps orphans, ends with its servers.
set -eu
S=$1
exec 3>>"$S/sshd.log" 4>>"$S/dockerd.log"
mount -t overlay lab-etc -o "lowerdir=/etc,upperdir=$S/etc,workdir=$S/etc-work" /etc
hostname @NAME@
@HIDE@
mount --bind "$S/srv" /srv
@DATA@
mount --bind "$S/home" /home
@HOME@
mount -t tmpfs -o mode=755 lab-run /run
mount -t tmpfs -o mode=1777 lab-shm /dev/shm
mkdir -p /run/sshd /run/lock
mount --bind "$S/tmp" /tmp
cd /
@DOCKERD@
/usr/sbin/sshd -D -e -f /etc/ssh/lab_sshd_config 2>&3 3>&- 4>&- &
sshd=$!
trap 'kill $sshd $dockerd 2>/dev/null || true' TERM
exec 3>&- 4>&-
if [ -n "$dockerd" ]; then wait "$dockerd" || true; kill $sshd 2>/dev/null || true; wait || true; else wait || true; fi
"""

DOCKERD = """/usr/sbin/dockerd --config-file /etc/docker/lab.json 3>&- >&4 2>&4 4>&- &
dockerd=$!"""

SSHD = """Port {port}
ListenAddress 127.0.0.1
HostKey {keys}/lab_host_ed25519
HostKey {keys}/lab_host_ecdsa
AuthorizedKeysFile {authorized}
PidFile none
StrictModes no
UsePAM no
UseDNS no
PasswordAuthentication no
KbdInteractiveAuthentication no
PrintMotd no
MaxStartups 100
LogLevel VERBOSE
Subsystem sftp internal-sftp
{more}
"""


class Host:
    """name, docker (bool), dead (bool: nothing listens), homeSize and dataSize (tmpfs sizes such as 64m), user."""

    def __init__(self, lab, name, docker=True, dead=False, homeSize=None, dataSize=None, user=USER):
        self.lab, self.name, self.docker, self.dead, self.user = lab, name, docker, dead, user
        self.home_size, self.data_size = homeSize, dataSize
        self.port = lab.state.port(f"host {name}")
        self.process = None
        self.first = None
        self.reserved = None
        self.engine = lab.engine if docker else "none"
        self.contained = machine.is_root()
        if not self.contained:
            self.user = os.environ.get("USER") or subprocess.check_output(["id", "-un"], text=True).strip()
            if self.engine == "own":
                raise machine.Missing("an engine of the lab's own needs root: run as root, or start Docker and use --docker machine")
            if homeSize or dataSize or not docker:
                raise machine.Missing(f"host {name}: small filesystems and a missing engine need root")
        self.home = f"/home/{self.user}"

    # Starting

    def prepare(self):
        """Writes the host's files."""
        if self.dead:
            self.reserved = socket.socket()  # bound and not listening: refuses connections, and nobody else takes the port
            self.reserved.bind(("127.0.0.1", self.port))
            return
        self.directory = self.lab.state.make("hosts", self.name)
        ssh = self.lab.state.make("hosts", self.name, "etc", "ssh")
        for kind in ("ed25519", "ecdsa"):
            identity.generate(os.path.join(ssh, f"lab_host_{kind}"), kind, self.name)
        self.write("etc/ssh/lab_authorized_keys", self.lab.identities.authorized(), 0o644)
        if self.contained:
            self.prepare_contained()
        else:
            self.prepare_plain(ssh)

    def prepare_contained(self):
        make = self.lab.state.make
        make("hosts", self.name, "etc-work")
        make("hosts", self.name, "srv")
        make("hosts", self.name, "tmp", mode=0o1777)
        home = make("hosts", self.name, "home", self.user, mode=0o755)
        if self.user != "root":
            os.chown(home, NUMBER, NUMBER)
        self.write_accounts()
        with open("/etc/hosts") as file:
            self.write("etc/hosts", file.read() + f"\n127.0.0.1 {self.name}\n", 0o644)
        self.write("etc/hostname", self.name + "\n", 0o644)
        if os.path.islink("/etc/resolv.conf"):  # its target may lie in /run, which a host has of its own
            with open("/etc/resolv.conf") as file:
                self.write("etc/resolv.conf", file.read(), 0o644)
        with open(machine.certificates()) as bundle, open(self.lab.authority.certificate) as own:
            make("hosts", self.name, "etc", "ssl", "certs")
            self.write("etc/ssl/certs/ca-certificates.crt", bundle.read() + "\n" + own.read(), 0o644)
        environment = {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin:/usr/local/bin"}
        self.write("etc/ssh/lab_sshd_config", SSHD.format(
            port=self.port, keys="/etc/ssh", authorized="/etc/ssh/lab_authorized_keys",
            more="SetEnv " + " ".join(f"{k}={v}" for k, v in environment.items())), 0o644)
        self.write_engine_files()
        hide = data = small = ""
        if self.engine == "none":
            for place in ("/usr/bin", "/usr/local/bin", "/usr/sbin"):
                key = place.strip("/").replace("/", "-")
                make("hosts", self.name, key), make("hosts", self.name, key + "-work")
                hide += f'mount -t overlay lab-bin -o "lowerdir={place},upperdir=$S/{key},workdir=$S/{key}-work" {place}\n'
                hide += f"rm -f {place}/docker {place}/dockerd {place}/podman {place}/buildah\n"
        if self.data_size:
            data = f"mkdir -p /srv/docker; mount -t tmpfs -o mode=710,size={self.data_size} lab-data /srv/docker"
        if self.home_size:
            owner = "uid=0" if self.user == "root" else f"uid={NUMBER},gid={NUMBER}"
            small = f"mount -t tmpfs -o mode=755,size={self.home_size},{owner} lab-home {self.home}"
        start = {"own": DOCKERD, "none": "dockerd="}.get(self.engine)
        if start is None:  # the machine's engine: its socket, under the usual name
            socket_path = self.engine_socket()
            hide += f'touch "$S/socket"; mount --bind {socket_path} "$S/socket"\n'
            start = 'dockerd=\ntouch /run/docker.sock; mount --bind "$S/socket" /run/docker.sock'
        boot = BOOT.replace("@NAME@", self.name).replace("@HIDE@", hide).replace("@DATA@", data)
        self.write("boot", boot.replace("@HOME@", small).replace("@DOCKERD@", start), 0o755)

    def prepare_plain(self, ssh):
        home = self.lab.state.make("hosts", self.name, "home", self.user, mode=0o700)
        self.home = home
        shell = f"""#!/bin/sh
export HOME={home} DOCKER_HOST={self.engine if self.engine != "none" else "unix:///nonexistent"}
unset XDG_CONFIG_HOME XDG_CACHE_HOME XDG_STATE_HOME XDG_DATA_HOME
cd "$HOME"
if [ -n "${{SSH_ORIGINAL_COMMAND:-}}" ]; then exec /bin/sh -c "$SSH_ORIGINAL_COMMAND"; fi
exec /bin/sh -l
"""
        wrapper = self.write("session", shell, 0o755)
        self.write("etc/ssh/lab_sshd_config", SSHD.format(
            port=self.port, keys=ssh, authorized=os.path.join(ssh, "lab_authorized_keys"), more=f"ForceCommand {wrapper}"), 0o644)

    def write_accounts(self):
        """The machine's accounts and, unless root logs in, one more that may use Docker."""
        home = self.home
        for name, mode in (("passwd", 0o644), ("shadow", 0o640), ("group", 0o644)):
            with open(f"/etc/{name}") as file:
                lines = [line for line in file.read().splitlines() if not line.startswith(USER + ":")]
            if name == "group" and not any(line.startswith("docker:") for line in lines):
                lines.append(f"docker:x:{NUMBER + 1}:")
            if self.user == "root":
                if name == "passwd":
                    lines = [f"root:x:0:0:root:{home}:/bin/sh" if line.startswith("root:") else line for line in lines]
            elif name == "passwd":
                lines.append(f"{USER}:x:{NUMBER}:{NUMBER}:lab:{home}:/bin/sh")
            elif name == "shadow":
                lines.append(f"{USER}:*:19000:0:99999:7:::")
            else:
                lines = [(line if line.endswith(":") else line + ",") + USER if line.startswith("docker:") else line for line in lines]
                lines.append(f"{USER}:x:{NUMBER}:")
                if self.engine not in ("own", "none"):
                    lines.append(f"lab-engine:x:{os.stat(self.engine_socket()).st_gid}:{USER}")
            self.write(f"etc/{name}", "\n".join(lines) + "\n", mode)

    def write_engine_files(self):
        settings = {
            "data-root": "/srv/docker", "hosts": ["unix:///run/docker.sock"], "storage-driver": "overlay2",
            "bridge": "none", "iptables": False, "ip6tables": False, "ip-forward": False, "ip-masq": False,
            "cgroup-parent": "/" + state.control_group(self.lab.state.directory), "max-concurrent-uploads": 5,
        }
        # BuildKit takes any registry on loopback for a plain one, unless it is listed with its scheme: then it tries that
        # too, after plain HTTP has failed (see Proxy.tls_only).
        settings["insecure-registries"] = [f"https://{registry.address}" for registry in self.lab.secure_registries()]
        if self.lab.mirror:
            settings["registry-mirrors"] = [f"http://{self.lab.mirror.address}"]
        self.lab.state.make("hosts", self.name, "etc", "docker")
        self.write("etc/docker/lab.json", json.dumps(settings, indent=2), 0o644)
        for registry in self.lab.secure_registries():
            place = self.lab.state.make("hosts", self.name, "etc", "docker", "certs.d", registry.address)
            with open(self.lab.authority.certificate) as source, open(os.path.join(place, "ca.crt"), "w") as file:
                file.write(source.read())

    def engine_socket(self):
        if not self.engine.startswith("unix://"):
            raise machine.Missing(f"the machine's Docker answers at {self.engine}: the lab can use one on a local socket only")
        return self.engine.removeprefix("unix://")

    def write(self, name, text, mode):
        path = self.lab.state.write(os.path.join("hosts", self.name, name), text)
        os.chmod(path, mode)
        return path

    def start(self):
        if self.dead:
            return
        log = os.path.join(self.directory, "boot.log")
        sshd = machine.program("sshd")
        if self.contained:
            if self.engine == "own":
                machine.program("dockerd"), machine.program("docker")
            command = [machine.program("unshare"), "--mount", "--pid", "--uts", "--ipc", "--fork", "--kill-child", "--mount-proc",
                       "--propagation", "private", "--", "/bin/sh", os.path.join(self.directory, "boot"), self.directory]
        else:
            command = [sshd, "-D", "-e", "-f", os.path.join(self.directory, "etc/ssh/lab_sshd_config")]
        self.process = process.Process(f"host {self.name}", command, log)
        self.lab.state.own(self.process.pid)

    def await_ready(self):
        if self.dead:
            return
        if self.contained:
            self.first = process.until(lambda: child_of(self.process.pid), 20, f"starting {self.name}", self.process)
        process.until(lambda: banner(self.port), 20, f"starting sshd of {self.name}", self.process)
        if self.engine == "own":
            process.until(lambda: ping(self.docker_socket()), 60, f"starting dockerd of {self.name}", self.process)

    def docker_socket(self):
        return f"/proc/{self.first}/root/run/docker.sock"

    # Stopping

    def signal_end(self):
        if self.process and not self.process.ended() and self.first:
            # The engine is stopped in order where its state is kept; else the namespace goes as it stands.
            os.kill(self.first, signal.SIGTERM if self.lab.state.keep else signal.SIGKILL)

    def stop(self):
        if self.reserved:
            self.reserved.close()
        if self.process:
            if not (self.first and self.process.wait(15)):
                self.process.stop(5)

    # Telling

    def host_keys(self):
        if self.dead:
            return []
        return [" ".join(identity.public(os.path.join(self.directory, "etc/ssh", f"lab_host_{kind}")).split()[:2])
                for kind in ("ed25519", "ecdsa")]

    def description(self):
        told = {
            "name": self.name, "address": "127.0.0.1", "port": self.port, "user": self.user, "dead": self.dead,
            "home": self.home, "hostKeys": self.host_keys(), "buildNetwork": "host" if self.engine == "own" else None,
            "homeSeenFromOutside": None, "rootSeenFromOutside": None, "docker": None, "firstProcess": self.first, "log": None,
        }
        if not self.dead:
            told["log"] = self.directory
            told["homeSeenFromOutside"] = self.home
            if self.contained:
                told["rootSeenFromOutside"] = f"/proc/{self.first}/root"
                told["homeSeenFromOutside"] = f"/proc/{self.first}/root{self.home}"
            if self.engine == "own":
                told["docker"] = f"unix://{self.docker_socket()}"
            elif self.engine != "none":
                told["docker"] = self.engine
        return told


def child_of(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            return next((int(word) for word in file.read().split()), None)
    except OSError:
        return None


def banner(port):
    try:
        with socket.create_connection(("127.0.0.1", port), 1) as connection:
            connection.settimeout(5)
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False


def ping(path):
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(5)
            connection.connect(path)
            connection.sendall(b"GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n")
            return b" 200 " in connection.recv(64)
    except OSError:
        return False
