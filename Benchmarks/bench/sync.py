# SPDX-License-Identifier: Apache-2.0
"""`bench sync`: each row's work by ours and by rsync in turn, on the same hosts, from the same state."""

import os
import tempfile

import command
import laboratory
import memory
import rows as every
import table
import tools


def arguments(parser):
    parser.add_argument("rows", nargs="*", metavar="ROW", help=", ".join(row.name for row in every.ROWS))


def main(options, scratch, tell):
    rows = every.chosen(options.rows)
    count = max(row.hosts for row in rows)
    lab = laboratory.Laboratory(["--hosts", str(count), "--registry", "none", "--docker", "none"], scratch)
    results = []
    try:
        table.head()
        for row in rows:
            tell(f"{row.name}: preparing")
            place = tempfile.mkdtemp(prefix=f"{row.name}-", dir=scratch)
            try:
                results += measure(row, options, lab, place, tell)
            except (command.Failed, OSError) as error:
                results.append({"row": row.name, "work": row.work, "target": row.target, "failed": str(error)})
            finally:
                command.remove(place)
                for host in lab.hosts[:row.hosts]:
                    lab.remove(host, lab.place)
            for result in results:
                table.line(result)
    finally:
        lab.end()
    return results


class Bench:
    """One row's tools, tree and runs."""

    def __init__(self, row, program, lab, place):
        self.row, self.lab, self.place = row, lab, place
        self.source = os.path.join(place, "source")
        self.hosts = [lab.far(host, every.DELAY) if row.far else host for host in lab.hosts[:row.hosts]]
        self.ours = tools.Ours(program, lab, self.hosts, os.path.join(place, "home"))
        self.theirs = tools.Rsync(lab, self.hosts)
        self.tools = [self.ours, self.theirs]

    def reset(self, tool):
        tool.forget()
        for host in self.hosts:
            self.lab.remove(host, tool.destination(host))
            self.lab.make(host, os.path.dirname(tool.destination(host)))

    def run(self, tool):
        peaks = memory.Peaks(self.lab.first_process(self.hosts[0])) if self.row.memory and tool is self.ours else None
        before = self.lab.carried(self.hosts[0]) if self.row.far else 0
        finished = tool.run(self.source, self.row.limit, peaks)
        if self.row.far:
            finished.facts["wireBytes"] = self.lab.carried(self.hosts[0]) - before
        if peaks:
            finished.facts |= {"clientMemory": peaks.client, "agentMemory": peaks.agent}
        return finished

    def check(self, tool):
        """A tool that is fast and wrong has not done the work."""
        for host in self.hosts:
            wrong = self.theirs.differences(self.source, host, tool.destination(host), contents=not self.row.memory)
            if wrong:
                raise command.Failed(f"{tool.title} left {len(wrong)} differences on {host}: {'; '.join(wrong[:3])}")


def measure(row, options, lab, place, tell):
    bench = Bench(row, options.program, lab, place)
    os.mkdir(bench.source)
    row.make(bench.source)
    os.sync()
    master = None
    try:
        if row.master:
            master = tools.Master(lab, bench.hosts[0], place)
            bench.tools.append(tools.Rsync(lab, bench.hosts, master.socket))
        return series(bench, row, options, tell)
    finally:
        if master:
            master.end()


def series(bench, row, options, tell):
    runs = row.runs or options.runs
    taken = [[] for _ in bench.tools]
    if not row.memory:  # what is there at the start; for first copies it warms the page cache and installs the agent
        for tool in bench.tools[:2]:
            bench.reset(tool)
            bench.run(tool)
    warm_ups = 0 if row.cold else 1
    for number in range(runs + warm_ups):
        if row.change:
            row.change(bench.source, number)
        for index, tool in enumerate(bench.tools):
            if row.cold:
                bench.reset(tool)
            finished = bench.run(tool)
            if number >= warm_ups:
                taken[index].append(finished)
                tell(f"{row.name}: {tool.title} {table.seconds(finished.seconds)}")
            if row.memory:  # two trees of this size need not stand side by side
                bench.check(tool)
                bench.lab.remove(bench.hosts[0], tool.destination(bench.hosts[0]))
    if not row.memory:
        for tool in bench.tools[:2]:
            bench.check(tool)
    results = [result(row, row.name, row.work, row.target, taken[0], taken[1])]
    if row.master:
        title = f"{row.work}, rsync over a ControlMaster"
        results.append(result(row, row.name, title, row.master, taken[0], taken[2]))
    return results


def result(row, name, work, target, ours, theirs):
    facts = [finished.facts for finished in ours]
    most = {member: max(each[member] for each in facts) for member in facts[0]}
    if "wireBytes" in theirs[0].facts:
        most["rsyncWireBytes"] = max(each.facts["wireBytes"] for each in theirs)
    return {
        "row": name, "work": work, "target": target, "limits": row.limits, "facts": most,
        "ours": [each.seconds for each in ours], "theirs": [each.seconds for each in theirs],
        "phases": [each.phases for each in ours],
    }
