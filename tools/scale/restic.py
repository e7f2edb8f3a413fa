"""Beside restic: the same tree, by turns, as both are."""
import os
import statistics

from support import Measured, megabytes, need, run, tree_bytes

PAIRS = 3


class Restic:
    name = "restic"

    def __init__(self, check, tree):
        self.check, self.tree = check, tree
        self.repository, self.restored = check.path("restic-repository"), check.path("restic-restored")
        self.environment = os.environ | {"RESTIC_PASSWORD": "scale", "RESTIC_REPOSITORY": self.repository,
                                         "RESTIC_CACHE_DIR": check.path("restic-cache")}

    def run(self, *arguments):
        return Measured(["restic", "-q", *arguments], env=self.environment)

    def steps(self):
        self.run("init")
        yield "first", self.run("backup", self.tree)
        yield "again", self.run("backup", self.tree)
        yield "again, reading all", self.run("backup", "--force", self.tree)
        yield "restore", self.run("restore", "latest", "--target", self.restored)

    def stored(self):
        return tree_bytes(self.repository)

    def remove(self):
        run("rm", "-rf", self.repository, self.restored, self.check.path("restic-cache"))


class Snapstore:
    name = "snapstore"

    def __init__(self, check, tree):
        self.check, self.tree, self.store = check, tree, check.store("beside-restic")
        self.restored = check.path("snapstore-restored")

    def steps(self):
        yield "first", self.store("create", self.tree, "root")
        yield "again", self.store("create", self.tree, "root")
        yield "again, reading all", self.store("create", self.tree, "root", "--rehash")
        yield "restore", self.store("restore", "root", self.restored)

    def stored(self):
        return tree_bytes(self.store.path)

    def remove(self):
        run("rm", "-rf", self.store.path, self.restored)


def main(check):
    need("restic")
    tree, found, stored = check.debian(), {}, {}
    run("sh", "-c", f"find '{tree}' -type f -exec cat {{}} + >/dev/null")       # both read from memory
    for pair in range(PAIRS):
        for tool in (Restic, Snapstore) if pair % 2 == 0 else (Snapstore, Restic):
            made = tool(check, tree)
            for step, measured in made.steps():
                found.setdefault((step, tool.name), []).append(measured)
            stored.setdefault(tool.name, []).append(made.stored())
            made.remove()
    for step in dict.fromkeys(step for step, _ in found):
        seconds, peaks = [{tool: statistics.median(getattr(m, of) for m in found[step, tool])
                           for tool in ("snapstore", "restic")} for of in ("seconds", "peak")]
        check.line(f"{step}: seconds, snapstore beside restic", f"{seconds['snapstore']:.2f} beside "
                   f"{seconds['restic']:.2f}: {seconds['restic'] / seconds['snapstore']:.1f} times as fast")
        check.line(f"{step}: peak of memory", f"{megabytes(peaks['snapstore'])} beside {megabytes(peaks['restic'])}")
    sizes = {tool: statistics.median(sizes) for tool, sizes in stored.items()}
    check.line("stored, catalogue and index included", f"{megabytes(sizes['snapstore'])} beside "
               f"{megabytes(sizes['restic'])}: {sizes['snapstore'] / sizes['restic']:.2f} of it")
