"""One sparse file, much larger than memory."""
import hashlib
import os
import random

from support import megabytes

LENGTH, EXTENTS, EXTENT = 100 * 10**9, 2000, 1 << 20


def make(path, length, count):
    """Random data at random places that do not touch. Returns [(offset, SHA-256)]."""
    rng, made = random.Random(3), []
    room = length // count
    with open(path, "wb") as file:
        for index in range(count):
            offset = index * room + rng.randrange(room - EXTENT)
            data = rng.randbytes(EXTENT)
            os.pwrite(file.fileno(), data, offset)
            made.append((offset, hashlib.sha256(data).digest()))
        file.truncate(length)
    return made


def data_ranges(fd, length):
    at = 0
    while at < length:
        try:
            start = os.lseek(fd, at, os.SEEK_DATA)
        except OSError:
            return
        at = os.lseek(fd, start, os.SEEK_HOLE)
        yield start, at


def judge(path, length, made):
    """What is wrong with the file at `path`: extents with other bytes, and bytes other than zero elsewhere."""
    wrong, stray = 0, 0
    with open(path, "rb", buffering=0) as file:
        fd = file.fileno()
        for offset, digest in made:
            wrong += hashlib.sha256(os.pread(fd, EXTENT, offset)).digest() != digest
        # What the file system holds beside the extents: the rest of their first and last blocks, and nothing else.
        bounds = [(0, 0)] + [(offset, offset + EXTENT) for offset, _ in made] + [(length, length)]
        gaps = [(a[1], b[0]) for a, b in zip(bounds, bounds[1:])]
        number = 0
        for start, end in data_ranges(fd, length):
            while number < len(gaps) and gaps[number][1] <= start:
                number += 1
            for low, high in gaps[number:]:
                if low >= end:
                    break
                at, stop = max(low, start), min(high, end)
                stray += any(os.pread(fd, stop - at, at)) if stop > at else 0
    return wrong, stray, os.stat(path).st_blocks * 512


def main(check):
    count = max(1, round(EXTENTS * check.factor))
    length = max(count * 4 * EXTENT, round(LENGTH * check.factor))
    top = check.path("big")
    os.mkdir(top)
    path = os.path.join(top, "disk")
    made = make(path, length, count)
    wrong, stray, source_room = judge(path, length, made)
    assert not wrong and not stray
    check.line("a sparse file of, data, room on disk",
               f"{megabytes(length)}, {megabytes(count * EXTENT)}, {megabytes(source_room)}")
    store = check.store("big-store")
    done = store("create", top, "big:1")
    check.peak("create", done)
    check.line("create: packs hold its data and little more", megabytes(store.packs()),
               store.packs() <= 1.02 * count * EXTENT)
    check.peak("create again, unchanged", store("create", top, "big:1"))
    done = store("create", top, "big:1", "--rehash")
    check.peak("create again, reading all", done)
    check.line("create again: new bytes", done.summary["newBytes"], done.summary["newBytes"] == 0)
    restored = check.path("big-restored")
    done = store("restore", "big:1", restored)
    check.peak("restore", done)
    wrong, stray, room = judge(os.path.join(restored, "disk"), length, made)
    check.line("restored: extents with other bytes, bytes outside", f"{wrong}, {stray}", wrong == stray == 0)
    check.line("restored: its length", os.path.getsize(os.path.join(restored, "disk")),
               os.path.getsize(os.path.join(restored, "disk")) == length)
    check.line("restored: room on disk, at most the source's", f"{megabytes(room)} of {megabytes(source_room)}",
               room <= source_room * 257 // 256)
    done = store("restore", "big:1", restored, "--overwrite")
    check.peak("restore --overwrite, nothing to do", done)
    check.line("restore --overwrite: files kept", done.summary["keptFiles"], done.summary["keptFiles"] == 1)
    done = store("fsck", "--read-data")
    check.peak("fsck --read-data", done)
    store("delete", "big:1")
    done = store("gc", "--grace", "0")
    check.peak("gc", done)
    check.line("gc: packs left", megabytes(store.packs()), store.packs() < 1 << 20)
    store.remove()
    for directory in (top, restored):
        os.unlink(os.path.join(directory, "disk"))
        os.rmdir(directory)
