# SPDX-License-Identifier: Apache-2.0
"""What was measured, as a line of a Markdown table, and whether it is good enough."""

import statistics

TITLES = {
    "bytesSent": "sent", "roundTrips": "round trips", "contentBytes": "content", "wireBytes": "on the wire",
    "rsyncWireBytes": "rsync's on the wire", "clientMemory": "client's peak memory", "agentMemory": "agent's peak memory",
}
COUNTS = ("roundTrips",)
DECIMALS = (("GB", 10**9), ("MB", 10**6), ("KB", 10**3))


def head(theirs="rsync"):
    show("work", "ours: median (min–max)", f"{theirs}: median (min–max)", f"ours/{theirs}", "target", "", "of ours")
    print("|---|---|---|---|---|---|---|", flush=True)


def show(*cells):
    print("| " + " | ".join(cells) + " |", flush=True)


def line(result):
    """Prints a result once, and says in it whether it passed."""
    if "passed" in result:
        return
    if "failed" in result:
        result["passed"] = False
        show(result["work"], "—", "—", "—", target(result), "**fail**", result["failed"])
        return
    result["missed"] = list(missed(result))
    result["passed"] = not result["missed"]
    verdict = "pass" if result["passed"] else "**fail**"
    facts = [f"{TITLES[name]} {amount(name, value)}" for name, value in result["facts"].items() if name in TITLES]
    facts += [f"{name} after {seconds(statistics.median(values))}" for name, values in phases(result).items()]
    facts += [f"**{each}**" for each in result["missed"] if each != "the ratio"]
    show(
        result["work"], spread(result["ours"]), spread(result["theirs"]), f"{ratio(result):.2f}", target(result),
        "—" if target(result) == "—" else verdict, ", ".join(facts))


def phases(result):
    names = dict.fromkeys(name for each in result.get("phases", []) for name in each)
    return {name: [each[name] for each in result["phases"] if name in each] for name in names}


def ratio(result):
    return statistics.median(result["ours"]) / statistics.median(result["theirs"])


def missed(result):
    if result.get("target") is not None and ratio(result) > result["target"]:
        yield "the ratio"
    if result.get("most") is not None and statistics.median(result["ours"]) > result["most"]:
        yield f"more than {seconds(result['most'])}"
    for name, most in result.get("limits", {}).items():
        if result["facts"][name] > most:
            yield f"{TITLES[name]} more than {amount(name, most)}"


def target(result):
    told = [] if result.get("target") is None else [f"≤ {result['target']:g}"]
    if result.get("most") is not None:
        told.append(f"≤ {seconds(result['most'])}")
    told += [f"{TITLES[name]} ≤ {amount(name, most)}" for name, most in result.get("limits", {}).items()]
    return ", ".join(told) or "—"


def spread(values):
    return f"{seconds(statistics.median(values))} ({seconds(min(values))}–{seconds(max(values))})"


def seconds(value):
    return f"{value:.3f} s" if value < 1 else f"{value:.2f} s"


def amount(name, value):
    if name in COUNTS:
        return f"{value}"
    for unit, size in DECIMALS:
        if value >= size:
            return f"{value / size:.1f} {unit}"
    return f"{value} B"
