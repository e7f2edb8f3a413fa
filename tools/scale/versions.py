"""Versions of a Debian root: what is deleted gives its room back."""
import contextlib
import os
import random
import shutil
import subprocess

from support import megabytes, run

OVERHEAD_MAX = 0.03


@contextlib.contextmanager
def chroot(root):
    """Runs apt in a root as if it were a system, with nothing left of that in the tree."""
    shutil.copy("/etc/resolv.conf", os.path.join(root, "etc/resolv.conf"))
    run("mount", "--bind", "/proc", os.path.join(root, "proc"))
    environment = {"DEBIAN_FRONTEND": "noninteractive", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"} | \
        {k: v for k, v in os.environ.items() if k.lower().endswith("_proxy")}

    def apt(*arguments):
        run("chroot", root, "apt-get", "-y", "--no-install-recommends", *arguments, env=environment)

    try:
        yield apt
    finally:
        subprocess.run(["umount", os.path.join(root, "proc")], check=False)
        run("rm", "-rf", os.path.join(root, "var/lib/apt/lists"), os.path.join(root, "var/cache/apt"))


def apt_versions(check):
    """Three roots: the base; with a compiler; with other things in its place."""
    first = check.debian()
    second = check.copy(first, "version-2")
    with chroot(second) as apt:
        apt("update")
        apt("install", "gcc", "libc6-dev", "vim-tiny")
    third = check.copy(second, "version-3")
    with chroot(third) as apt:
        apt("update")
        apt("install", "python3-numpy", "sqlite3")
        apt("purge", "gcc", "vim-tiny")
        apt("autoremove", "--purge")
    return [first, second, third]


def edited_versions(check, first, count):
    """Roots that drift: each a copy of the last one with a tenth of its files edited, some removed, some new."""
    rng, trees = random.Random(1), [first]
    while len(trees) < count:
        tree = check.copy(trees[-1], f"edited-{len(trees) + 1}")
        files = sorted(os.path.join(at, name) for at, _, names in os.walk(os.path.join(tree, "usr")) for name in names)
        for path in rng.sample([f for f in files if not os.path.islink(f)], len(files) // 10):
            with open(path, "rb") as file:
                data = file.read()
            # A new file, so that names linked to the old one keep it.
            os.unlink(path)
            if rng.random() < 0.8:
                at = rng.randrange(len(data) + 1)
                with open(path, "wb") as file:
                    file.write(data[:at] + rng.randbytes(rng.randrange(1, 20_000)) + data[at:])
        trees.append(tree)
    return trees


def with_archives(check, first):
    """The root with files among its own that do not compress: little of its bytes, more of its room."""
    rng, tree = random.Random(4), check.copy(first, "archives")
    places = sorted(at for at, _, names in os.walk(os.path.join(tree, "usr")) if names)
    for place in rng.sample(places, 60):
        with open(os.path.join(place, "archive"), "wb") as file:
            file.write(rng.randbytes(100_000))
    return tree


def fill(store, trees, numbers):
    for number in numbers:
        store("create", trees[number], f"root:{number + 1}")


def check_deletes(check, name, full, trees, deleted):
    """Against a store that never held the others."""
    kept = [n for n in range(len(trees)) if n not in deleted]
    store, fresh = full.copy("collected"), check.store("fresh")
    fill(fresh, trees, kept)
    for number in deleted:
        store("delete", f"root:{number + 1}")
    before = store.packs()
    done = store("gc", "--grace", "0")
    size, least = store.packs(), fresh.packs()
    check.line(f"{name}, {' '.join(str(n + 1) for n in deleted)} deleted: at most {OVERHEAD_MAX:.0%} over a fresh store",
               f"{megabytes(before)} → {megabytes(size)}; fresh {megabytes(least)}: {size / least - 1:+.2%}; {done}",
               size <= (1 + OVERHEAD_MAX) * least)
    check.line(f"  freed what gc says", f"{before - size:,} of {done.summary['freedBytes']:,}",
               before - size == done.summary["freedBytes"])
    fsck = store("fsck", "--read-data", allowed=(0, 8))
    check.line("  fsck --read-data: problems", fsck.summary["problems"], fsck.summary["problems"] == 0)
    again = store("gc", "--grace", "0").summary["freedBytes"]
    check.line("  gc once more frees", f"{again:,}", again >= 0)
    restored = check.path("restored")
    store("restore", f"root:{kept[-1] + 1}", restored)
    figure, equal = check.differences(trees[kept[-1]], restored)
    check.line("  the last one kept, restored: equal", figure, equal)
    run("rm", "-rf", restored)
    store.remove()
    fresh.remove()


def main(check):
    trees = apt_versions(check)
    full = check.store("versions")
    fill(full, trees, range(3))
    check.line("three versions, with apt: packs", megabytes(full.packs()))
    for deleted in ([1], [0], [2]):
        check_deletes(check, "three versions", full, trees, deleted)
    full.remove()
    for tree in trees[1:]:
        run("rm", "-rf", tree)

    trees = [with_archives(check, check.debian()), check.debian()]
    full = check.store("archives-store")
    fill(full, trees, range(2))
    check_deletes(check, "with archives and without", full, trees, [0])
    full.remove()
    run("rm", "-rf", trees[0])

    trees = edited_versions(check, check.debian(), 6)
    full = check.store("edited")
    fill(full, trees, range(6))
    check.line("six versions, edited: packs", megabytes(full.packs()))
    for deleted in ([1, 2, 3, 4], [0, 1, 2, 3], [2, 3, 4, 5], [0, 2, 4, 5]):
        check_deletes(check, "six versions", full, trees, deleted)
    full.remove()
    for tree in trees[1:]:
        run("rm", "-rf", tree)
