# SPDX-License-Identifier: Apache-2.0
"""`bench build`: from an edit of a small service to its verified push, beside docker -H ssh:// build and docker push."""

import os
import time

import command
import docker
import laboratory
import table
import tools
import tree

DOCKERFILE = """FROM python:3.12-slim
WORKDIR /app
COPY requirements.txt .
RUN python -c 'open("installed", "w").write(open("requirements.txt").read())'
COPY half half
COPY part_000 part_000
COPY main.py .
CMD ["python", "main.py"]
"""
LIMIT = 300  # seconds for one command


def arguments(parser):
    pass


def main(options, scratch, tell):
    # A host each: with one engine the second tool would find the first one's layers.
    lab = laboratory.Laboratory(["--hosts", "2", "--registry", "htpasswd", "--docker", "own", "--stand-in"], scratch)
    try:
        registry = next(each for each in lab.description["registries"] if each["kind"] == "htpasswd")
        authority = lab.description["authority"]
        ours = Ours(options.program, lab, registry, authority, os.path.join(scratch, "ours"))
        theirs = Theirs(lab, registry, os.path.join(scratch, "theirs"))
        table.head("docker")
        edited = series([ours, theirs], options, tell, edit=True)
        results = [{"row": "build-edit", "work": "a small service, one line edited: build, push", "most": 3.0, **edited}]
        table.line(results[0])
        same = series([ours, theirs], options, tell, edit=False)
        results.append({"row": "build-unchanged", "work": "nothing changed", "target": 0.3, "most": 1.0, **same})
        table.line(results[1])
        return results
    finally:
        lab.end()


def series(both, options, tell, edit):
    """One warm-up each; ours and theirs in turn."""
    taken = [[], []]
    for number in range(options.runs + 1):
        for times, tool in zip(taken, both):
            if edit:
                tool.edit(number)
            try:
                finished = tool.run()
            except command.Failed as error:
                return {"failed": str(error)}
            if number:
                times.append(finished)
                tell(f"{tool.title} {table.seconds(finished.seconds)}")
    return {
        "ours": [each.seconds for each in taken[0]], "theirs": [each.seconds for each in taken[1]],
        "phases": [each.phases for each in taken[0]], "facts": {},
    }


class Service:
    """A workspace of the tool's own, and the version that its next run pushes."""

    def __init__(self, home, name):
        self.source, self.name, self.version = os.path.join(home, name), name, "v0"
        os.makedirs(self.source)
        tree.source(self.source, 200, 8.0)
        for path, text in (("Dockerfile", DOCKERFILE), ("requirements.txt", "fastapi\n"), ("main.py", "print(0)\n")):
            self.write(path, text, tree.BASE)

    def write(self, path, text, modified):
        path = os.path.join(self.source, path)
        with open(path, "w") as file:
            file.write(text)
        os.utime(path, (modified, modified))

    def edit(self, number):
        self.version = f"v{number}"
        self.write("main.py", f"print({number})\n", tree.CHANGED + number)


class Ours(Service):
    title = "ours"

    def __init__(self, program, lab, registry, authority, home):
        super().__init__(home, "ours")
        self.write("remote-build.yaml", (
            f"registry: {{address: '{registry['address']}', ca-file: {authority}}}\nowner: bench\n"
            "images: {ours: {dockerfile: Dockerfile}}\n"), tree.BASE)
        self.environment = tools.environment(os.path.join(home, "home"))
        tools.write_hosts(self.environment, lab.hosts[:1])
        docker.login(self.environment, registry)
        self.words = [
            program, "build", "ours", "--workspace", self.source, "--host", lab.hosts[0], "--ssh-config", lab.config, "--json"]

    def run(self):
        began = time.time()
        finished = command.run([[*self.words, "--version", self.version]], self.environment, LIMIT)
        finished.phases = tools.phases(finished.outputs[0], began)
        if "verified" not in finished.phases:
            raise command.Failed("remote-build verified nothing")
        return finished


class Theirs(Service):
    """Two commands, the one after the other; nothing verifies what they pushed."""

    title = "docker"

    def __init__(self, lab, registry, home):
        super().__init__(home, "theirs")
        self.docker = docker.Docker(lab, lab.hosts[1], os.path.join(home, "home"))
        self.address = registry["address"]
        docker.login(self.docker.environment, registry)

    def run(self):
        reference = f"{self.address}/bench/theirs:{self.version}"
        built = self.docker.build(self.source, "-t", reference)
        pushed = self.docker.run("push", reference, limit=LIMIT)
        pushed.seconds += built.seconds
        return pushed
