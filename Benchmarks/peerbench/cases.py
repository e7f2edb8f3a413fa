"""The work that each program does, and how it is timed: programs take turns, and what is made is removed untimed."""
import os
import random
import shutil

from support import Failure, run

from programs import PROGRAMS, Copy, Snapstore


class Turns:
    """One program's repository on one file system, for one case."""

    def __init__(self, bench, case, place, program):
        self.bench, self.case, self.place, self.name = bench, case, place, program
        self.program = PROGRAMS[program](bench, place)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.program.remove()
        shutil.rmtree(self.target, ignore_errors=True)

    def note(self, step, measured):
        self.bench.results.add(self.place_kind, self.case, step, self.name, measured)

    @property
    def place_kind(self):
        return self.bench.kind_of[self.place]

    @property
    def target(self):
        return os.path.join(self.place, "restored")

    def restore(self, tag, step="restore"):
        self.note(step, self.program.restore(tag, self.target))
        shutil.rmtree(self.target)


def by_turns(bench, place, case, programs, pairs, body):
    """Runs `body` for each program, `pairs` times; who begins changes."""
    for pair in range(pairs):
        order = programs if pair % 2 == 0 else list(reversed(programs))
        for name in order:
            # Only the judged ones are run as often as asked.
            if pair > 0 and name not in bench.judged:
                continue
            try:
                with Turns(bench, case, place, name) as turns:
                    body(turns, pair)
            except Failure as error:
                # One program that gives up does not cost what the others do.
                bench.failures.append(f"{case}: {name}: {error}")
                print(f"   {bench.failures[-1]}", flush=True)


def with_history(programs):
    """Those that keep versions in one repository and delete them."""
    return [name for name in programs if name in ("snapstore", "restic", "borg")]


def save_and_restore(bench, place, case, tree, programs, pairs):
    """A made-up tree, saved once and restored; it is removed at the end."""
    def body(turns, pair):
        turns.note("first", turns.program.save(tree, "v1"))
        bench.results.size(turns.place_kind, case, turns.name, turns.program.stored())
        turns.restore("v1")

    by_turns(bench, place, case, with_history(programs), pairs, body)
    shutil.rmtree(tree)


def root(bench, place, programs, pairs):
    """A root: first, again, again reading all, the next version from another path, restored, checked. It lies on the same
    file system."""
    first, second = (bench.copy(version, os.path.join(place, f"v{number}"))
                     for number, version in enumerate(bench.versions[:2], 1))

    def body(turns, pair):
        program = turns.program
        if isinstance(program, Copy):
            return turns.note("restore", program.restore_of(first, turns.target))
        turns.note("first", program.save(first, "v1"))
        stored = program.stored()
        bench.results.size(turns.place_kind, "root", turns.name, stored)
        if isinstance(program, Snapstore):
            bench.results.size(turns.place_kind, "root: catalogue", turns.name, program.catalogue())
        turns.restore("v1")
        if turns.name in ("casync", "ostree"):
            return
        turns.note("again", program.save(first, "v1"))
        turns.note("again, reading all", program.save(first, "v1", rehash=True))
        turns.note("next version", program.save(second, "v2"))
        turns.note("check", program.check())
        if isinstance(program, Snapstore):
            bench.results.add(turns.place_kind, "root", "check", "limit", program.limit_of_check())

    by_turns(bench, place, "root", programs, pairs, body)


def series(bench, place, programs, pairs):
    """All versions, the last one restored beside the first; then every other one is deleted and collected."""
    def body(turns, pair):
        program = turns.program
        for number, version in enumerate(bench.versions, 1):
            turns.note("all versions", program.save(version, f"v{number}"))
        bench.results.size(turns.place_kind, "series", turns.name, program.stored())
        if isinstance(program, Snapstore):
            bench.results.size(turns.place_kind, "series: catalogue", turns.name, program.catalogue())
        for _ in range(3):
            turns.restore("v1", "restore of the first")
            turns.restore(f"v{len(bench.versions)}", "restore of the last")
        turns.note("delete half", program.forget([f"v{n}" for n in range(1, len(bench.versions) + 1, 2)]))
        bench.results.size(turns.place_kind, "half the series", turns.name, program.stored())

    by_turns(bench, place, "series", with_history(programs), max(1, pairs // 2), body)


def large_file(bench, place, programs, pairs):
    """A sparse file of 10 GB with 2 GB of data, then with scattered edits."""
    tree = bench.path("large")
    os.makedirs(tree)
    path = os.path.join(tree, "disk.img")
    generator = random.Random(1)
    with open(path, "wb") as file:
        file.truncate(round(10e9 * bench.factor))
        for part in range(round(500 * bench.factor)):
            file.seek(part * 20_000_000)
            text = b"".join(b"%d %x\n" % (n, n * part) for n in range(part * 1000, part * 1000 + 100_000))
            file.write(generator.randbytes(2 << 20) + text[:2 << 20])

    def body(turns, pair):
        turns.note("first", turns.program.save(tree, "v1"))
        with open(path, "r+b") as file:
            for _ in range(100):
                file.seek(generator.randrange(round(10e9 * bench.factor) - 4096))
                file.write(generator.randbytes(4096))
        turns.note("edited", turns.program.save(tree, "v2"))
        bench.results.size(turns.place_kind, "large file", turns.name, turns.program.stored())

    by_turns(bench, place, "large file", with_history(programs), pairs, body)
    shutil.rmtree(tree)


def small_files(bench, place, programs, pairs):
    """200,000 files of 0 to 2,000 bytes of text."""
    tree = bench.path("small")
    generator = random.Random(2)
    words = [generator.randbytes(4).hex() for _ in range(3000)]
    for number in range(round(200_000 * bench.factor)):
        directory = os.path.join(tree, f"{number // 500:04}")
        if number % 500 == 0:
            os.makedirs(directory)
        with open(os.path.join(directory, f"f{number}"), "w") as file:
            file.write(" ".join(generator.choices(words, k=generator.randrange(220))))

    save_and_restore(bench, place, "small files", tree, programs, pairs)


def memory_image(bench, place, programs, pairs):
    """A memory image of 2 GB: 60 % pages of zeros, the rest as memory is: code, text, counters."""
    tree = bench.path("memory")
    os.makedirs(tree)
    generator = random.Random(3)
    with open("/bin/bash", "rb") as file:
        code = file.read()
    with open(os.path.join(tree, "ram.img"), "wb") as file:
        for _ in range(round(500_000 * bench.factor) // 16):
            if generator.random() < 0.6:
                file.write(bytes(16 * 4096))
                continue
            start = generator.randrange(len(code) - 40_000)
            file.write((code[start:start + 40_000] + generator.randbytes(9_000)
                        + b"".join(n.to_bytes(8, "little") for n in range(start, start + 2_100))).ljust(65536)[:65536])

    save_and_restore(bench, place, "memory image", tree, programs, pairs)


CASES = {"root": root, "series": series, "large-file": large_file, "small-files": small_files,
         "memory-image": memory_image}


def warm(tree):
    run("sh", "-c", "find \"$0\" -type f -exec cat {} + >/dev/null", tree)
