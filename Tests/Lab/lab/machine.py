# SPDX-License-Identifier: Apache-2.0
"""What this machine has and how it reaches the world: asked of the machine, never written down here."""

import functools
import os
import re
import shutil
import subprocess


class Missing(Exception):
    """Something that the lab needs is not on this machine; the text says what to do."""


PACKAGES = {
    "sshd": "openssh-server",
    "ssh-keygen": "openssh-client",
    "dockerd": "docker.io",
    "docker": "docker.io",
    "docker-registry": "docker-registry",
    "htpasswd": "apache2-utils",
    "debootstrap": "debootstrap",
    "openssl": "openssl",
    "setpriv": "util-linux",
    "unshare": "util-linux",
}

# Debian's own first: what lies in /usr/local may be a client without the parts that Debian's has built in.
SYSTEM_PATH = "/usr/bin:/usr/sbin:/bin:/sbin:/usr/local/bin:/usr/local/sbin"


def program(name):
    """The path of a program, or an error that names the package to install."""
    found = shutil.which(name, path=SYSTEM_PATH)
    if not found:
        raise Missing(
            f"{name} is not installed: on Debian, `scripts/setup test` installs it (package {PACKAGES.get(name, name)})"
        )
    return found


def is_root():
    return os.geteuid() == 0


def engine():
    """The address of the machine's own Docker engine, or None where no server answers."""
    client = shutil.which("docker")
    if not client:
        return None
    answer = subprocess.run(
        [client, "version", "-f", "{{.Server.Version}}"], capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    if answer.returncode != 0 or not answer.stdout.strip():
        return None
    if os.environ.get("DOCKER_HOST"):
        return os.environ["DOCKER_HOST"]
    context = subprocess.run(
        [client, "context", "inspect", "-f", "{{.Endpoints.docker.Host}}"],
        capture_output=True, text=True, stdin=subprocess.DEVNULL,
    )
    return context.stdout.strip() or "unix:///var/run/docker.sock"


def must_pull(address, image):
    """Sees to it that the machine's own engine has an image."""
    docker = [shutil.which("docker"), "--host", address]
    if subprocess.run([*docker, "image", "inspect", image], capture_output=True, stdin=subprocess.DEVNULL).returncode:
        pulled = subprocess.run([*docker, "pull", "-q", image], capture_output=True, text=True, stdin=subprocess.DEVNULL)
        if pulled.returncode:
            raise Missing(f"this machine's Docker cannot pull {image}: {pulled.stderr.strip()}")


def release():
    """The fields of /etc/os-release."""
    fields = {}
    try:
        with open("/etc/os-release") as file:
            for line in file:
                key, separator, value = line.strip().partition("=")
                if separator:
                    fields[key] = value.strip('"')
    except FileNotFoundError:
        pass
    return fields


def certificates():
    """The bundle of authorities that programs on this machine trust (it may hold more than the distribution's)."""
    for path in (
        os.environ.get("PIP_CERT"),
        os.environ.get("SSL_CERT_FILE"),
        "/etc/ssl/certs/ca-certificates.crt",
        "/etc/pki/tls/certs/ca-bundle.crt",
    ):
        if path and os.path.isfile(path):
            return path
    raise Missing("no bundle of certificate authorities was found: install ca-certificates")


@functools.cache
def pip_settings():
    """pip's own settings on this machine, by their names without section, the environment's winning."""
    settings = {}
    pip = shutil.which("pip3") or shutil.which("pip")
    if pip:
        listing = subprocess.run([pip, "config", "list"], capture_output=True, text=True, stdin=subprocess.DEVNULL)
        for match in re.finditer(r"^(global|install|:env:)\.([a-z-]+)='(.*)'$", listing.stdout, re.M):
            if match[1] == ":env:" or match[2] not in settings:
                settings[match[2]] = match[3].replace("\\n", "\n")
    for name, value in os.environ.items():
        if name.startswith("PIP_") and value:
            settings[name[4:].lower().replace("_", "-")] = value
    return settings


def wheel_directories():
    """Directories of find-links on this machine: wheels that a build can have without an index."""
    return [path for path in pip_settings().get("find-links", "").split() if os.path.isdir(path)]


def pip_conf(certificates_inside, find_links):
    """The text of a pip.conf that works inside a build on this machine.

    certificates_inside: the path inside the build where the bundle stands; find_links: the page that serves the wheels, or None.
    """
    lines = ["[global]", f"cert = {certificates_inside}"]
    for name, value in sorted(pip_settings().items()):
        if name in ("index-url", "extra-index-url", "default-timeout", "timeout", "trusted-host", "proxy", "retries"):
            lines.append(f"{name} = " + " ".join(value.split()))
    if find_links:
        lines.append(f"find-links = {find_links}")
    return "\n".join(lines) + "\n"


def apt_sources():
    """(suite, mirror, sources text) of this machine's own distribution, less other parties' sources."""
    codename = release().get("VERSION_CODENAME", "")
    if not codename:
        raise Missing("the stand-in image is made by debootstrap from the machine's own distribution: Debian is needed")
    entries = []
    for directory, _, names in os.walk("/etc/apt"):
        for name in sorted(names):
            path = os.path.join(directory, name)
            if name.endswith(".sources") and directory.endswith("sources.list.d"):
                entries += deb822(path)
            elif name == "sources.list" or (name.endswith(".list") and directory.endswith("sources.list.d")):
                entries += one_line(path)
    own = [(uri, suite, parts) for uri, suite, parts in entries if suite.split("-")[0] == codename and "main" in parts]
    main = [uri for uri, suite, _ in own if suite == codename]
    if not main:
        raise Missing(f"no apt source for {codename} was found in /etc/apt")
    keyring = next(
        (path for path in ("/usr/share/keyrings/debian-archive-keyring.gpg", "/usr/share/keyrings/ubuntu-archive-keyring.gpg")
         if os.path.exists(path)), None)
    by = f" [signed-by={keyring}]" if keyring else ""
    text = "".join(f"deb{by} {uri} {suite} {' '.join(parts)}\n" for uri, suite, parts in sorted(set(own)))
    return codename, main[0], text


def apt_settings():
    """apt's settings for how the archive is reached and how old it may be, as lines of apt.conf."""
    dump = subprocess.run(["apt-config", "dump"], capture_output=True, text=True).stdout
    wanted = re.compile(r'^(Acquire::(Check-Valid-Until|Check-Date|https?::[^ ]*|Retries)) "[^"]+";$', re.M)
    return "".join(sorted(match[0] + "\n" for match in wanted.finditer(dump)))


def deb822(path):
    entries = []
    with open(path) as file:
        for stanza in re.split(r"\n\s*\n", file.read()):
            fields = dict(re.findall(r"^([A-Za-z-]+):[ \t]*(.*)$", re.sub(r"^#.*\n?", "", stanza, flags=re.M), re.M))
            if "deb" in fields.get("Types", "").split() and fields.get("Enabled", "yes") != "no":
                for uri in fields.get("URIs", "").split():
                    for suite in fields.get("Suites", "").split():
                        entries.append((uri, suite, tuple(fields.get("Components", "").split())))
    return entries


def one_line(path):
    entries = []
    with open(path) as file:
        for line in file:
            match = re.match(r"^deb\s+(?:\[[^]]*\]\s+)?(\S+)\s+(\S+)\s+(.+)$", line.split("#")[0].strip())
            if match:
                entries.append((match[1], match[2], tuple(match[3].split())))
    return entries
