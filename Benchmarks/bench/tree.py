# SPDX-License-Identifier: Apache-2.0
"""The work: trees and files that are the same on every machine, and the changes that are made to them.

Every modification time lies in the past, the changed files' too: a stat cache distrusts what was written just now, and
a benchmark that waited two seconds instead would measure its own sleep.
"""

import itertools
import os
import random

BASE = 1_700_000_000
CHANGED = BASE + 10_000_000
HALF = ("half", "moved")  # the names of the directory that holds half of the files and is renamed
BIG = "big.bin"
GIBIBYTE = 1 << 30
WORDS = """class def return import from self for in if else not None True False async await with as raise yield value name
path index count result error request response session config model field client server token query record status handler
context message payload buffer stream digest entry target source""".split()
MARKS = [" ", " ", " ", "(", ")", ", ", ".", ".", " = ", ":\n    ", "\n    ", "\n        ", "\n\n", "[", "]", '"', "# ", "_", " + "]


def vocabulary(chance):
    """Words, marks, made identifiers and phrases that come again and again, so that the text packs about as source does.

    The weights fall as those of words in a text do. Given with the mean length, from which sizes are made.
    """
    letters = "abcdefghijklmnopqrstuvwxyz"
    made = ["".join(chance.choices(letters, k=chance.randint(3, 12))) for _ in range(6000)]
    words = WORDS + made
    weights = [1 / (rank + 4) for rank in range(len(words))]
    share = sum(weights) / len(MARKS)
    words, weights = words + MARKS, weights + [share] * len(MARKS)
    phrases = ["".join(chance.choices(words, weights, k=chance.randint(6, 16))) for _ in range(4000)]
    share = 0.12 * sum(weights) / len(phrases)
    words, weights = words + phrases, weights + [share] * len(phrases)
    mean = sum(len(word) * weight for word, weight in zip(words, weights)) / sum(weights)
    return words, list(itertools.accumulate(weights)), mean


def source(root, files, middle, seed=1):
    """Source-like text; middle: the logarithm of the middle size. Half of the files stand below HALF[0]."""
    chance = random.Random(seed)
    words, weights, mean = vocabulary(chance)
    for number in range(files):
        path = os.path.join(root, file_path(number))
        if number % 50 < 2:
            os.makedirs(os.path.dirname(path), exist_ok=True)
        size = min(65536, max(40, int(chance.lognormvariate(middle, 1.0))))
        text = "".join(chance.choices(words, cum_weights=weights, k=int(size / mean) + 1))
        with open(path, "w") as file:
            file.write(text + "\n")
        os.utime(path, (BASE, BASE + number))
    settle(root)


def file_path(number):
    """Two files of 50 neighbours' directory in turn: even ones in HALF[0], odd ones in the rest."""
    top = HALF[0] if number % 2 == 0 else f"part_{number // 2000:03}"
    return f"{top}/package_{number // 1000:03}/module_{number // 50:05}/file_{number:07}.py"


def small(root, files, seed=2):
    """Many files of some dozen bytes, all different."""
    chance = random.Random(seed)
    for number in range(files):
        path = os.path.join(root, file_path(number))
        if number % 50 < 2:
            os.makedirs(os.path.dirname(path), exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        os.write(descriptor, b"value_%d = 0x%032x\n" % (number, chance.getrandbits(128)))
        os.close(descriptor)
        os.utime(path, (BASE, BASE + number))
    settle(root)


def settle(root):
    for directory, _, _ in os.walk(root, topdown=False):
        os.utime(directory, (BASE, BASE))


def big(root, size=GIBIBYTE, seed=3):
    chance = random.Random(seed)
    with open(os.path.join(root, BIG), "wb") as file:
        for _ in range(size // (1 << 20)):
            file.write(chance.randbytes(1 << 20))
    os.utime(os.path.join(root, BIG), (BASE, BASE))
    settle(root)


# Changes: the number of the run makes each one another


def edit_line(root, number):
    """One line of one file, one of middle size, as an editor that writes in place does it."""
    paths = [os.path.join(root, file_path(1 + 2 * other)) for other in range(1000)]
    path = sorted(paths, key=lambda path: (os.path.getsize(path), path))[450 + 37 * number % 100]
    with open(path) as file:
        lines = file.read().splitlines(keepends=True)
    lines[len(lines) // 2] = f"    value = {number:08}\n"
    with open(path, "w") as file:
        file.writelines(lines)
    os.utime(path, (BASE, CHANGED + number))


def rename_half(root, number):
    before, after = HALF if os.path.exists(os.path.join(root, HALF[0])) else reversed(HALF)
    os.rename(os.path.join(root, before), os.path.join(root, after))


def prepend_byte(root, number):
    """A new file that is the old one with a byte in front, put in the old one's place."""
    path = os.path.join(root, BIG)
    new = os.path.join(os.path.dirname(root), "new")  # beside the tree: on its filesystem, and not in it
    with open(path, "rb") as old, open(new, "wb") as file:
        file.write(bytes([number % 256]))
        while piece := old.read(1 << 22):
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())  # or the disk would write it while the time is taken
    os.utime(new, (BASE, CHANGED + number))
    os.replace(new, path)
