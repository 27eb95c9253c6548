# SPDX-License-Identifier: Apache-2.0
"""Measures remote-build beside what people use instead, on this machine's loopback (scripts/bench starts it)."""

import argparse
import fcntl
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True

import build  # noqa: E402
import command  # noqa: E402
import context  # noqa: E402
import sync  # noqa: E402

KINDS = {"sync": sync, "build": build, "context": context}
PREFIX = "remote-build-bench-"


def tell(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def arguments():
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("--program", required=True, help=argparse.SUPPRESS)
    kinds = parser.add_subparsers(dest="kind", required=True)
    for name, kind in KINDS.items():
        each = kinds.add_parser(name, help=kind.__doc__, description=kind.__doc__)
        each.add_argument("--runs", type=int, default=5, metavar="N", help="timed runs of each tool (default 5)")
        each.add_argument("--json", metavar="FILE", help="writes every single time there")
        each.add_argument("--scratch", metavar="DIR", default="/var/tmp", help="where the trees lie (default /var/tmp)")
        kind.arguments(each)
    options = parser.parse_args()
    if options.runs < 1:
        parser.error("--runs is 1 or more")
    return options


def circumstances(program):
    """What the figures depend on; nothing that names the machine."""
    def first(*words):
        return subprocess.run(words, capture_output=True, text=True).stdout.splitlines()[0].strip()
    return {
        "processors": os.cpu_count(), "memory": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
        "kernel": platform.release(), "load": os.getloadavg(), "rsync": first("rsync", "--version"),
        "remoteBuild": os.path.getsize(program),
    }


def sweep(root):
    """Removes what benchmarks that were killed have left: their lock is free."""
    for name in os.listdir(root):
        try:
            if name.startswith(PREFIX):
                with open(os.path.join(root, name, "lock")) as lock:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    command.remove(os.path.join(root, name))
        except (FileNotFoundError, NotADirectoryError, BlockingIOError, PermissionError):
            continue


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
    sweep(options.scratch)
    scratch = tempfile.mkdtemp(prefix=PREFIX, dir=options.scratch)
    try:
        lock = open(os.path.join(scratch, "lock"), "w")
        fcntl.flock(lock, fcntl.LOCK_EX)
        around = circumstances(options.program)
        results = KINDS[options.kind].main(options, scratch, tell)
    except Ended:
        return 130
    except ValueError as error:
        tell(str(error))
        return 64
    except (command.Failed, OSError) as error:
        tell(str(error))
        return 69
    finally:
        command.remove(scratch)
    if options.json:
        with open(options.json, "w") as file:
            json.dump({"around": around, "results": results}, file, indent=2)
    return 0 if all(result["passed"] for result in results) else 1


sys.exit(main())
