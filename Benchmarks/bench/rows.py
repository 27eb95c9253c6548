# SPDX-License-Identifier: Apache-2.0
"""The rows of `bench sync`: the work, where it starts from, and what it may cost."""

import dataclasses
import typing

import tree

MEBIBYTE = 1 << 20
DELAY = 20  # milliseconds each way, for the rows at 40 ms


@dataclasses.dataclass(frozen=True)
class Row:
    name: str
    work: str
    target: typing.Optional[float]  # ours/rsync of the medians, at most
    make: typing.Callable
    change: typing.Optional[typing.Callable] = None  # made before each pair of runs
    cold: bool = False  # nothing on the host, no cache on our side; else both stand synced and warm
    far: bool = False
    hosts: int = 1
    master: typing.Optional[float] = None  # the target against rsync over a connection that stands ready
    limits: dict = dataclasses.field(default_factory=dict)  # members of `synced`, or a peak of memory: at most
    memory: bool = False
    named: bool = False  # runs only when it is asked for
    runs: typing.Optional[int] = None
    limit: int = 600  # seconds for one command


def source_files(root):
    tree.source(root, 10_000, 8.7)


def many_files(root):
    tree.source(root, 100_000, 7.0)


def million_files(root):
    tree.small(root, 1_000_000)


FILES = "10,000 source files"
UNCHANGED = {"roundTrips": 1, "contentBytes": 0}

ROWS = [
    Row("first-copy", f"{FILES}, first copy", 0.5, source_files, cold=True),
    Row("unchanged", f"{FILES}, nothing changed", 0.35, source_files, master=1.0, limits=UNCHANGED),
    Row("unchanged-40ms", f"{FILES}, nothing changed, 40 ms", 0.35, source_files, far=True, limits=UNCHANGED),
    Row("one-line", f"{FILES}, one line edited", 0.35, source_files, tree.edit_line, limits={"bytesSent": 4096}),
    Row("one-line-40ms", f"{FILES}, one line edited, 40 ms", 0.35, source_files, tree.edit_line, far=True,
        limits={"bytesSent": 4096}),
    Row("renamed", f"{FILES}, a directory with half of them renamed", 0.2, source_files, tree.rename_half,
        limits={"contentBytes": 0}),
    Row("big-first", "1 GiB file that does not pack, first copy", 0.9, tree.big, cold=True),
    Row("big-first-40ms", "1 GiB file that does not pack, first copy, 40 ms", 0.4, tree.big, cold=True, far=True),
    Row("big-prepend", "1 GiB file, one byte put in front", 0.5, tree.big, tree.prepend_byte,
        limits={"bytesSent": MEBIBYTE // 2}),
    Row("eight-hosts", f"{FILES}, first copy to 8 hosts", 0.5, source_files, cold=True, hosts=8),
    Row("many-unchanged", "100,000 source files, nothing changed", 0.35, many_files),
    Row("million", "1,000,000 small files, first copy", None, million_files, cold=True, memory=True, named=True, runs=1,
        limits={"clientMemory": 256 * MEBIBYTE, "agentMemory": 256 * MEBIBYTE}, limit=1800),
]


def chosen(names):
    """The rows of these names, in the table's order; without names all but those that have to be asked for."""
    unknown = set(names) - {row.name for row in ROWS}
    if unknown:
        raise ValueError(f"no such row: {', '.join(sorted(unknown))} (there are {', '.join(row.name for row in ROWS)})")
    return [row for row in ROWS if row.name in names or not names and not row.named]
