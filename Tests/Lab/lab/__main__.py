# SPDX-License-Identifier: Apache-2.0
"""Starts a lab, tells what it is in one line of JSON on stdout, and then obeys commands, one JSON object a line, on stdin.

The end of stdin, SIGTERM or SIGINT stops and removes everything.
"""

import argparse
import json
import os
import signal
import sys

sys.dont_write_bytecode = True

import lab as laboratory  # noqa: E402
import machine  # noqa: E402
import state as directory  # noqa: E402


def tell(text):
    print(f"lab: {text}", file=sys.stderr, flush=True)


def arguments():
    parser = argparse.ArgumentParser(prog="lab", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hosts", type=int, default=None, metavar="N", help="hosts lab-1 to lab-N (default 1)")
    parser.add_argument("--host", action="append", default=[], metavar="JSON", type=json.loads, help=(
        'one host more, or other settings for a host of that name: {"name": "small", "docker": false, "dead": false, '
        '"homeSize": "64m", "dataSize": "200m", "user": "deploy"}'))
    parser.add_argument("--registry", choices=("htpasswd", "token", "both", "none"), default="htpasswd")
    parser.add_argument("--token-lifetime", type=int, default=60, metavar="SECONDS")
    parser.add_argument("--docker", choices=("own", "machine", "none"), default="own", help=(
        "own: one engine a host, as root; machine: this machine's engine if it answers, else own"))
    parser.add_argument("--stand-in", action="store_true", help=f"a mirror that has the stand-in for {laboratory.standin.NAME}")
    parser.add_argument("--state", metavar="DIR", help="the lab's directory (default: a new one in /var/tmp)")
    parser.add_argument("--keep", action="store_true", help="leave the directory; a start with the same --state takes it up again")
    parser.add_argument("--stay", action="store_true", help="run until a signal comes, whatever becomes of stdin")
    parser.add_argument("--describe", metavar="FILE", help="write the description to a file too, once everything runs")
    options = parser.parse_args()
    named = {host["name"]: host for host in options.host}
    count = options.hosts if options.hosts is not None else (0 if named else 1)
    standard = [named.pop(f"lab-{n}", {"name": f"lab-{n}"}) for n in range(1, count + 1)]
    options.hosts = standard + list(named.values())
    return options


def summary(lab):
    for host in lab.hosts:
        tell(f"host {host.name}: ssh -F {lab.state.path('ssh_config')} {host.name}")
    for registry in lab.registries:
        user = f", user {registry.user}" if registry.is_secure() else ""
        tell(f"registry {registry.kind}: {registry.address}{user}")
    if lab.stand_in:
        tell(f"{lab.stand_in['name']} is a stand-in: Python {lab.stand_in['python']}")


def obey(lab):
    for line in sys.stdin:
        if not line.strip():
            continue
        try:
            answer = {"ok": True, "answer": lab.command(json.loads(line))}
        except Exception as error:
            answer = {"ok": False, "error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


class Ended(Exception):
    pass


def end(number, frame):
    for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)  # the way down is not to be interrupted
    raise Ended


def main():
    options = arguments()
    for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(each, end)
    if sys.platform != "linux":
        tell("the lab runs on Linux only")
        return 1
    os.umask(0o022)
    state = lab = None
    status = 0
    try:
        state = directory.State(options.state, options.keep, tell)
        lab = laboratory.Lab(state, options, tell)
        lab.start()
        text = json.dumps(lab.description())
        print(text, flush=True)
        summary(lab)
        if options.describe:
            with open(options.describe + ".new", "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
                file.write(text + "\n")
            os.rename(options.describe + ".new", options.describe)
        if options.stay:
            while True:
                signal.pause()
        obey(lab)
    except Ended:
        pass
    except (machine.Missing, RuntimeError, OSError, ValueError, TypeError) as error:
        status = 1
        tell(str(error))
        if not os.environ.get("REMOTE_BUILD_LAB_TRACE"):
            print(json.dumps({"error": str(error)}), flush=True)
        else:
            raise
    finally:
        for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(each, signal.SIG_IGN)
        if lab:
            lab.stop()
        if state:
            state.end(tell)
    return status


sys.exit(main())
