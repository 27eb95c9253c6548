# SPDX-License-Identifier: Apache-2.0
"""`bench context`: a source tree's way to the builder, beside the context of docker -H ssh:// build."""

import json
import os

import command
import docker
import laboratory
import rows
import table
import tools
import tree

# Docker's engine keeps contexts on a tmpfs of this size, as our destination lies on one.
HOST = {"name": "lab-1", "dataSize": "6g"}
WORKS = (  # name, work, change, cold
    ("context-first", f"{rows.FILES}, first transfer", None, True),
    ("context-unchanged", f"{rows.FILES}, nothing changed", None, False),
    ("context-one-line", f"{rows.FILES}, one line edited", tree.edit_line, False),
)


def arguments(parser):
    pass


def main(options, scratch, tell):
    lab = laboratory.Laboratory(["--host", json.dumps(HOST), "--registry", "none", "--docker", "own"], scratch)
    results = []
    try:
        source, dockerfile = os.path.join(scratch, "source"), os.path.join(scratch, "Dockerfile")
        os.mkdir(source)
        rows.source_files(source)
        with open(dockerfile, "w") as file:
            file.write("FROM scratch\nCOPY . /source\n")
        ours = tools.Ours(options.program, lab, lab.hosts, os.path.join(scratch, "ours"))
        theirs = docker.Docker(lab, lab.hosts[0], os.path.join(scratch, "theirs"))
        table.head("docker")
        for name, work, change, cold in WORKS:
            try:
                taken = series(ours, theirs, lab, source, dockerfile, change, cold, options, tell)
            except command.Failed as error:
                taken = [{"failed": str(error)}]
            for told, each in zip(("its context alone", "its whole build, with COPY"), taken):
                results.append({"row": name, "work": f"{work}; docker: {told}", **each})
                table.line(results[-1])
        return results
    finally:
        lab.end()


def series(ours, theirs, lab, source, dockerfile, change, cold, options, tell):
    """A warm-up of each, then ours and theirs in turn. Ours is always the whole command."""
    pushed, contexts, builds, phases, facts = [], [], [], [], {}
    for number in range(options.runs + 1):
        if change:
            change(source, number)
        if cold:
            forget(ours, theirs, lab)
        mine = ours.run(source, rows.Row.limit)
        built = theirs.build(source, "-f", dockerfile)
        if number:
            pushed.append(mine.seconds)
            phases.append(mine.phases)
            contexts.append(docker.context_seconds(built.errors[0]))
            builds.append(built.seconds)
            facts = {name: max(value, facts.get(name, 0)) for name, value in mine.facts.items()}
            tell(f"ours {table.seconds(mine.seconds)}, docker {table.seconds(built.seconds)}")
    return [{"ours": pushed, "theirs": each, "phases": phases, "facts": facts} for each in (contexts, builds)]


def forget(ours, theirs, lab):
    ours.forget()
    destination = ours.destination(None)
    lab.remove(lab.hosts[0], destination)
    lab.make(lab.hosts[0], os.path.dirname(destination))
    theirs.run("image", "prune", "-f")
    theirs.run("builder", "prune", "-a", "-f")
