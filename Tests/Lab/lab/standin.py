# SPDX-License-Identifier: Apache-2.0
"""The stand-in for python:3.12-slim: a small Debian with its own Python, made here once and kept between runs.

It says of itself what it is, in a label and in /etc/STAND-IN. It is kept as the storage of a registry, so that a
registry serves it read-only as it lies, under the same digest on every run.
"""

import fcntl
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time

import machine

NAME = "python:3.12-slim"
REPOSITORY = "library/python"
TAG = "3.12-slim"
RECIPE = 1
PACKAGES = "ca-certificates,netbase,python3,python3-pip,python3-venv,tzdata"

FINISH = r"""
set -eu
ln -s /usr/bin/python3 /usr/local/bin/python
rm -f /usr/lib/python3*/EXTERNALLY-MANAGED
printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d
chmod 755 /usr/sbin/policy-rc.d
rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/*-old /var/cache/ldconfig/* /var/log/*.log /var/log/apt
rm -rf /usr/share/doc/* /usr/share/man/* /usr/share/info/* /usr/share/locale/* /usr/share/lintian /debootstrap
find / -xdev -name __pycache__ -prune -exec rm -rf {} +
mkdir -p /var/cache/apt/archives/partial /var/lib/apt/lists/partial
"""

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def cache_directory():
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.path.join(home, "remote-build-lab")


def recipe():
    """Everything that decides what the image is, and the digest that names it in the cache."""
    suite, mirror, sources = machine.apt_sources()
    parts = {
        "recipe": RECIPE, "packages": PACKAGES, "finish": FINISH, "suite": suite, "mirror": mirror,
        "sources": sources, "settings": machine.apt_settings(), "architecture": platform.machine(),
    }
    return parts, hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def ready(tell):
    """The stand-in's registry storage and its digest; made first if it is not in the cache."""
    parts, key = recipe()
    cache = cache_directory()
    os.makedirs(cache, exist_ok=True)
    kept = os.path.join(cache, key)
    with open(os.path.join(cache, "lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(os.path.join(kept, "image.json")):
            if not machine.is_root():
                raise machine.Missing("making the stand-in image with debootstrap needs root")
            tell(f"making the stand-in for {NAME} (once; kept in {kept})")
            make(parts, cache, kept)
    with open(os.path.join(kept, "image.json")) as file:
        image = json.load(file)
    return os.path.join(kept, "storage"), image


def make(parts, cache, kept):
    for name in os.listdir(cache):  # under the lock: what is here is a dead run's
        if name.startswith("making-"):
            shutil.rmtree(os.path.join(cache, name), ignore_errors=True)
    work = tempfile.mkdtemp(prefix="making-", dir=cache)
    os.chmod(work, 0o755)
    try:
        root = os.path.join(work, "root")
        bootstrap(parts, root)
        version = python_version(root)
        digest = write_storage(parts, version, root, os.path.join(work, "storage"))
        shutil.rmtree(root)
        with open(os.path.join(work, "image.json"), "w") as file:
            json.dump({"name": NAME, "digest": digest, "python": version}, file)
        if os.path.exists(kept):
            shutil.rmtree(kept)
        os.rename(work, kept)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def contained(*command):
    """In a mount and process namespace of its own, so that nothing outlives it, whatever happens."""
    subprocess.run(
        [machine.program("setpriv"), "--pdeathsig", "KILL", machine.program("unshare"), "--mount", "--pid", "--fork",
         "--kill-child", "--mount-proc", "--", *command],
        check=True, stdin=subprocess.DEVNULL, stdout=sys.stderr,
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive",
             **{k: v for k, v in os.environ.items() if k.lower() in ("http_proxy", "https_proxy", "no_proxy")}},
    )


def bootstrap(parts, root):
    contained(machine.program("debootstrap"), "--variant=minbase", f"--include={PACKAGES}", parts["suite"], root, parts["mirror"])
    version = python_version(root)
    with open(os.path.join(root, "etc/apt/sources.list"), "w") as file:
        file.write(parts["sources"])
    with open(os.path.join(root, "etc/apt/apt.conf.d/90lab"), "w") as file:
        file.write(parts["settings"] + 'Acquire::Languages "none";\nAPT::Install-Recommends "false";\n')
        file.write('DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb || true"; };\n')
    with open(os.path.join(root, "etc/STAND-IN"), "w") as file:
        file.write(
            f"This image is NOT {NAME}. It is a stand-in for it in a test lab: Python {version} from Debian\n"
            f"{parts['suite']}, made by debootstrap. PEP 668's EXTERNALLY-MANAGED marker is removed, as in the real one.\n")
    for name in ("etc/hostname", "etc/resolv.conf"):
        path = os.path.join(root, name)
        if os.path.lexists(path):
            os.unlink(path)
    contained("chroot", root, "/bin/sh", "-c", FINISH)


def python_version(root):
    status = open(os.path.join(root, "var/lib/dpkg/status")).read()
    stanza = next(part for part in status.split("\n\n") if part.startswith("Package: python3\n"))
    line = next(line for line in stanza.splitlines() if line.startswith("Version:"))
    return line.split()[1].split("-")[0].split("+")[0]


def write_storage(parts, version, root, storage):
    """Packs the tree as one OCI layer and lays config, manifest and index out as the registry's filesystem driver does."""
    os.makedirs(storage)
    layer = os.path.join(storage, "layer")
    inner = hashlib.sha256()
    with open(layer, "wb") as out:
        tar = subprocess.Popen(
            ["tar", "--sort=name", "--numeric-owner", "--exclude=./dev/*", "--exclude=./proc/*", "--exclude=./sys/*",
             "-C", root, "-cf", "-", "."], stdout=subprocess.PIPE)
        gzip = subprocess.Popen(["gzip", "-n", "-6"], stdin=subprocess.PIPE, stdout=out)
        while chunk := tar.stdout.read(1 << 20):
            inner.update(chunk)
            gzip.stdin.write(chunk)
        gzip.stdin.close()
        if tar.wait() or gzip.wait():
            raise RuntimeError("packing the stand-in failed")
    with open(layer, "rb") as file:
        layer_digest = "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()
    size = os.path.getsize(layer)
    created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    target = {"architecture": ARCHITECTURES[parts["architecture"]], "os": "linux"}
    labels = {
        "org.opencontainers.image.title": f"stand-in for {NAME} in the remote-build lab",
        "org.opencontainers.image.description": f"Python {version} from Debian {parts['suite']}; not the official image",
        "stand-in": "true",
    }
    config = encode({
        **target, "created": created,
        "config": {
            "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", f"PYTHON_VERSION={version}"],
            "Cmd": ["python3"], "Labels": labels,
        },
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + inner.hexdigest()]},
        "history": [{"created": created, "created_by": "debootstrap (remote-build lab's stand-in)"}],
    })
    manifest = encode({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest_of(config), "size": len(config)},
        "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": layer_digest, "size": size}],
    })
    # An index, as the real image is one.
    index = encode({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [{
            "mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": digest_of(manifest),
            "size": len(manifest), "platform": target,
        }],
    })
    base = os.path.join(storage, "docker/registry/v2")
    for content in (config, manifest, index):
        with open(blob_path(base, digest_of(content)), "wb") as file:
            file.write(content)
    os.rename(layer, blob_path(base, layer_digest))
    repository = os.path.join(base, "repositories", REPOSITORY)
    for digest in (layer_digest, digest_of(config)):
        link(os.path.join(repository, "_layers/sha256", digest[7:]), digest)
    for content in (manifest, index):
        link(os.path.join(repository, "_manifests/revisions/sha256", digest_of(content)[7:]), digest_of(content))
    link(os.path.join(repository, "_manifests/tags", TAG, "current"), digest_of(index))
    link(os.path.join(repository, "_manifests/tags", TAG, "index/sha256", digest_of(index)[7:]), digest_of(index))
    return digest_of(index)


def encode(value):
    return json.dumps(value, indent=2).encode()


def digest_of(content):
    return "sha256:" + hashlib.sha256(content).hexdigest()


def blob_path(base, digest):
    directory = os.path.join(base, "blobs/sha256", digest[7:9], digest[7:])
    os.makedirs(directory, exist_ok=True)
    return os.path.join(directory, "data")


def link(directory, digest):
    os.makedirs(directory, exist_ok=True)
    with open(os.path.join(directory, "link"), "w") as file:
        file.write(digest)
