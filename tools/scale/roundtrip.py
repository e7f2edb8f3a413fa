"""A Debian root, there and back."""
import os
import stat
import sys

from support import PROJECT, megabytes, run

sys.path.insert(0, os.path.join(PROJECT, "Tests/Golden"))

import golden  # noqa: E402

# XFS shows ACLs a second time under names that rsync would remove as foreign, and the ACLs with them.
COPIES = {"cp -a": lambda a, b: run("cp", "-a", a, b),
          "rsync -aHAXS": lambda a, b: run("rsync", "-aHAXS", "--filter=-x trusted.SGI_ACL_*", a + "/", b)}


class Objects(golden.Capture):
    """A capture by golden.py that keeps its tree nodes and its digest."""

    def __init__(self, top):
        self.nodes = {}
        super().__init__(top, os.cpu_count())
        manifest = self.manifest("directory")
        self.digest = golden.text(golden.sha(manifest))
        self.note(golden.MANIFEST, manifest)

    def note(self, kind, data):
        digest = golden.sha(data)
        self.nodes[kind, digest] = len(data)
        return digest

    def directory(self, parent, name, path):
        fd = os.open(name, os.O_RDONLY | os.O_DIRECTORY, dir_fd=parent)
        try:
            items = [(n, self.entry(fd, n, os.path.join(path, n))) for n in map(os.fsencode, os.listdir(fd))]
            return golden.tree(items, self.note)
        finally:
            os.close(fd)

    def entry(self, parent, name, path):
        encoded = super().entry(parent, name, path)
        if not name:
            self.note(golden.TREE, golden.root(encoded))
        return encoded


def file_objects(path):
    found = {}

    def note(kind, data):
        digest = golden.sha(data)
        found[kind, digest] = len(data)
        return digest

    with open(path, "rb") as file:
        golden.content_of(file.read(), emit=note)
    return found


def largest_file(top):
    paths = [os.path.join(at, name) for at, _, names in os.walk(top) for name in names]
    return max((p for p in paths if os.lstat(p).st_nlink == 1), key=lambda p: os.lstat(p).st_size)


def describe(check, root):
    files = links = acls = capabilities = 0
    for at, directories, names in os.walk(root):
        for name in directories + names:
            path = os.path.join(at, name)
            status = os.lstat(path)
            files += stat.S_ISREG(status.st_mode)
            links += not stat.S_ISDIR(status.st_mode) and status.st_nlink > 1
            attributes = os.listxattr(path, follow_symlinks=False)
            acls += any("posix_acl" in a for a in attributes)
            capabilities += "security.capability" in attributes
    check.line("files, names of hard links, ACLs, capabilities", f"{files:,}, {links}, {acls}, {capabilities}",
               min(files, links, acls, capabilities) > 0)


def check_copies(check, store, source, digest):
    for kind in ("tmpfs", "xfs", "ext4"):
        with check.filesystem(kind, 4) as point:
            for how, copy in COPIES.items():
                target = os.path.join(point, "copy")
                copy(source, target)
                found = store("create", target, "copy").summary["digest"]
                check.line(f"{how} on {kind}: the same digest", found[:19], found == digest)
                run("rm", "-rf", target)
            target = os.path.join(point, "restored")
            done = store("restore", "root:1", target, allowed=(0, 3))
            check.line(f"restored on {kind}: no warnings", f"exit {done.status}", done.status == 0)
            figure, equal = check.differences(source, target)
            check.line(f"restored on {kind}: equal", figure, equal)
            found = store("create", target, "copy").summary["digest"]
            check.line(f"restored on {kind}: the same digest", found[:19], found == digest)


def change_one_byte(check, store, source, before):
    """In the first bytes of a file of several chunks: they are before the least size of a chunk, so no cut moves."""
    changed = check.copy(source, "changed")
    path = largest_file(os.path.join(changed, "usr"))
    old_file, old_objects = file_objects(path), store("stats").summary["objects"]
    with open(path, "r+b") as file:
        byte = file.read(1)[0]
        file.seek(0)
        file.write(bytes([byte ^ 1]))
    done = store("create", changed, "root:2").summary
    after = Objects(changed)
    check.line("one byte changed: the digest of golden.py", done["digest"][:19], done["digest"] == after.digest)
    new = {k: v for k, v in (after.nodes | file_objects(path)).items()
           if k not in before.nodes and k not in old_file}
    chunks = sum(kind == golden.CHUNK for kind, _ in new)
    objects = store("stats").summary["objects"] - old_objects
    check.line("one byte changed: objects stored, one of them a chunk", f"{objects}: {chunks} chunk of golden.py's "
               f"{len(new)}", chunks == 1 and objects == len(new))
    # The session also wrote the record, which is not billed.
    bytes_new = store("get", "root:2").summary["newBytes"]
    check.line("one byte changed: bytes stored are those objects'", f"{bytes_new:,} of golden.py's "
               f"{sum(new.values()):,}", bytes_new == sum(new.values()))
    run("rm", "-rf", changed)


def main(check):
    source = check.debian()
    describe(check, source)
    store, second = check.store("roundtrip"), check.store("roundtrip-2")
    done = store("create", source, "root:1")
    digest = done.summary["digest"]
    check.peak("create", done)
    check.line("create: files of, packs of", f"{megabytes(done.summary['logicalBytes'])}, {megabytes(store.packs())}")
    restored = check.path("restored")
    done = store("restore", "root:1", restored)
    check.peak("restore", done)
    figure, equal = check.differences(source, restored)
    check.line("restored: equal, attributes, links and blocks too", figure, equal)
    run("rm", "-rf", restored)
    found = second("create", source, "other").summary["digest"]
    check.line("a second store: the same digest", found[:19], found == digest)
    second.remove()
    before = Objects(source)
    check.line("golden.py: the same digest", before.digest[:19], before.digest == digest)
    change_one_byte(check, store, source, before)
    check_copies(check, store, source, digest)
    done = store("fsck", "--read-data")
    check.line("fsck --read-data: problems", done.summary["problems"], done.summary["problems"] == 0)
    store.remove()
