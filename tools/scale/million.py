"""A directory of a million files, from its first capture to the end of its room."""
import os

from support import megabytes, run

COUNT = 1_000_000


def make(top, count):
    """A third of them empty, a third of a few bytes, a third of 100 bytes, all different."""
    os.mkdir(top)
    fd = os.open(top, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for index in range(count):
            file = os.open(f"file-{index:07}", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644, dir_fd=fd)
            if index % 3:
                data = b"%d of a million" % index
                os.write(file, data if index % 3 == 1 else data.ljust(100, b"."))
            os.close(file)
    finally:
        os.close(fd)


def main(check):
    count = round(COUNT * check.factor)
    with check.filesystem("xfs", 24) as point:
        source, restored = os.path.join(point, "source"), os.path.join(point, "restored")
        make(source, count)
        store = check.store("million-store")
        done = store("create", source, "many:1")
        check.peak(f"create of {count:,} files", done)
        check.line("create: files found", f"{done.summary['fileCount']:,}", done.summary["fileCount"] == count)
        check.line("create: packs, catalogue", f"{megabytes(store.packs())}, "
                   f"{megabytes(store('stats').summary['catalogueBytes'])}")
        check.peak("create again, unchanged", store("create", source, "many:1"))
        with open(os.path.join(source, f"file-{count // 2:07}"), "a") as file:
            file.write("changed")
        done = store("create", source, "many:2")
        check.peak("create, one file changed", done)
        done = store("restore", "many:2", restored)
        check.peak("restore", done)
        figure, equal = check.differences(source, restored)
        check.line("restored: equal", figure, equal)
        check.peak("restore --overwrite, nothing to do", store("restore", "many:2", restored, "--overwrite"))
        done = store("diff", "many:1", "many:2")
        check.peak("diff", done)
        check.line("diff: changed", done.summary["changed"], done.summary["changed"] == 1)
        done = store("fsck", "--read-data")
        check.peak("fsck --read-data", done)
        check.line("fsck: problems", done.summary["problems"], done.summary["problems"] == 0)
        check.peak("delete of one", store("delete", "many:1"))
        check.peak("delete of the other", store("delete", "many:2"))
        done = store("gc", "--grace", "0")
        check.peak("gc", done)
        check.line("gc: packs left", megabytes(store.packs()), store.packs() < 1 << 20)
        store.remove()
        run("rm", "-rf", source, restored)
