"""A catalogue that is lost."""
import glob
import os
import random

from support import run


def small_trees(check):
    """Three versions of a part of a Debian root."""
    rng, trees = random.Random(2), [check.path("tree-1")]
    os.makedirs(trees[0])
    for name in ("etc", "usr/lib/python3", "usr/bin", "srv"):
        source = os.path.join(check.debian(), name)
        if os.path.exists(source):
            run("cp", "-a", "--sparse=always", source, os.path.join(trees[0], name.replace("/", "-")))
    for number in (2, 3):
        tree = check.copy(trees[-1], f"tree-{number}")
        for index in range(50):
            with open(os.path.join(tree, f"etc/new-{number}-{index}"), "wb") as file:
                file.write(rng.randbytes(rng.randrange(50_000)))
        trees.append(tree)
    return trees


def lose(store, *more):
    for pattern in ("catalog.sqlite*", *more):
        for path in glob.glob(os.path.join(store.path, pattern)):
            os.unlink(path)


def listed(store):
    return {item.pop("id"): item for item in store("list").items}


def changed_fields(before, after):
    """Fields that differ in any snapshot, and the snapshots that are not in both."""
    fields = {k for i in before.keys() & after.keys() for k in before[i] if before[i][k] != after[i].get(k)}
    return sorted(fields), sorted(before.keys() ^ after.keys())


def check_equal(check, what, store, before, trees):
    fields, missing = changed_fields(before, listed(store))
    # Only the session that wrote a snapshot knew what it took.
    check.line(f"{what}: the same list but for storedBytes", f"{len(before)} snapshots; changed: "
               f"{' '.join(fields) or 'nothing'}; missing or more: {len(missing)}",
               not missing and set(fields) <= {"storedBytes"})
    fsck = store("fsck", "--read-data", allowed=(0, 8))
    check.line(f"{what}: fsck --read-data, problems", fsck.summary["problems"], fsck.summary["problems"] == 0)
    for reference, tree in trees.items():
        restored = check.path("restored")
        store("restore", reference, restored)
        figure, equal = check.differences(tree, restored)
        check.line(f"{what}: {reference} restored, equal", figure, equal)
        run("rm", "-rf", restored)
    done = store("create", trees["root:2"], "again")
    check.line(f"{what}: captured again, new bytes", done.summary["newBytes"], done.summary["newBytes"] == 0)


def main(check):
    trees = small_trees(check)
    full = check.store("rebuild")
    # By the end: a backup of all before it, and a snapshot, a tag that moved and a label after it.
    full("create", trees[0], "root:1", "--label", "stage=first", "--env", "A=1")
    full("create", trees[1], "gone:1")
    full("delete", "gone:1")
    full("gc", "--grace", "0")
    backups = len(os.listdir(os.path.join(full.path, "backup")))
    check.line("gc has taken a backup", backups, backups == 1)
    full("create", trees[1], "root:2", "--label", "stage=second", "--parent", "root:1")
    full("create", trees[2], "root", "--label", "stage=third")
    before = listed(full)
    snapshots = {"root:1": trees[0], "root:2": trees[1], "root:latest": trees[2]}

    store = full.copy("from-backup")
    lose(store)
    done = store("fsck", "--rebuild-catalog")
    check.line("from the backup: problems", f"{done.summary['problems']}; {done}", done.summary["problems"] == 0)
    check_equal(check, "from the backup", store, before, snapshots)
    store.remove()

    store = full.copy("from-packs")
    lose(store, "backup/*")
    done = store("fsck", "--rebuild-catalog", allowed=(6,))
    candidates = sorted(i["candidate"] for i in done.items)
    check.line("from packs alone: names what it finds and stops", " ".join(candidates), len(candidates) == 3)
    done = store("fsck", "--rebuild-catalog", "--adopt")
    check.line("from packs alone: problems", f"{done.summary['problems']}; {done}", done.summary["problems"] == 0)
    check_equal(check, "from packs alone", store, before, snapshots)
    store.remove()
    full.remove()
    for tree in trees:
        run("rm", "-rf", tree)
