#!/usr/bin/env python3
"""Compares two directory trees, as root, without using snapstore: paths, types, modes, owners, modification times to
the nanosecond, extended attributes, targets of symbolic links, device numbers, hard-link groups, contents, and the
room taken: the second tree's files must not take more than the first's.

Prints each difference and at the end `N entries, M differences`; exits 1 if there are any, 2 if it cannot compare.
Several pairs may be given: FIRST SECOND FIRST SECOND ...
What cannot be compared is left out: access and change times, inode numbers, sizes of directories."""
import argparse
import errno
import os
import resource
import stat
import sys

TYPES = {stat.S_IFREG: "file", stat.S_IFDIR: "directory", stat.S_IFLNK: "symbolic link", stat.S_IFIFO: "FIFO",
         stat.S_IFSOCK: "socket", stat.S_IFCHR: "character device", stat.S_IFBLK: "block device"}
PIECE = 1 << 20


def shown(path):
    """A path with nothing in it that a terminal would act on."""
    text = repr(path)[2:-1] if path else "."
    return text if len(text) <= 400 else f"{text[:200]} … {text[-200:]}"


def attributes(fd, name):
    """Of the entry itself, links not followed; by descriptor, so that no path is too long."""
    path = b"/proc/self/fd/%d/%s" % (fd, name)
    try:
        names = [os.fsencode(n) for n in os.listxattr(path, follow_symlinks=False)]
        # XFS shows each ACL a second time, as trusted.SGI_ACL_….
        return {n: os.getxattr(path, n, follow_symlinks=False) for n in names if not n.startswith(b"trusted.SGI_ACL_")}
    except OSError as error:
        if error.errno == errno.ENOTSUP:
            return {}
        raise


def next_data(fd, at, size):
    try:
        return min(os.lseek(fd, at, os.SEEK_DATA), size)
    except OSError:
        return size


def first_difference(a, b, size):
    """The offset of the first megabyte that differs, or None. Holes of both are skipped."""
    at = 0
    while at < size:
        data = min(next_data(a, at, size), next_data(b, at, size))
        if data > at:
            at = data
            continue
        if os.pread(a, PIECE, at) != os.pread(b, PIECE, at):
            return at
        at += PIECE
    return None


class Comparison:
    def __init__(self, options):
        self.options, self.entries, self.differences, self.rounded = options, 0, 0, 0
        self.links = [{}, {}]

    def differ(self, path, what):
        self.differences += 1
        if self.differences <= self.options.limit:
            print(f"{shown(path)}: {what}")

    def directory(self, fds, path):
        lists = [sorted(map(os.fsencode, os.listdir(fd))) for fd in fds]
        if not path:
            lists = [[n for n in names if n not in self.options.ignore] for names in lists]
        for name in sorted(set(lists[0]) ^ set(lists[1])):
            where = "first" if name in set(lists[0]) else "second"
            self.differ(os.path.join(path, name), f"only in the {where} tree")
        for name in sorted(set(lists[0]) & set(lists[1])):
            self.entry(fds, name, os.path.join(path, name))

    def entry(self, fds, name, path):
        self.entries += 1
        a, b = stats = [os.lstat(name, dir_fd=fd) for fd in fds]
        kinds = [stat.S_IFMT(s.st_mode) for s in stats]
        if kinds[0] != kinds[1]:
            self.differ(path, f"{TYPES[kinds[0]]} != {TYPES[kinds[1]]}")
            return
        for what, value in (("mode", lambda s: oct(stat.S_IMODE(s.st_mode))), ("owner", lambda s: s.st_uid),
                            ("group", lambda s: s.st_gid), ("modification time", lambda s: s.st_mtime_ns)):
            if value(a) != value(b) and not (what == "modification time" and self.options.ignore_times):
                self.differ(path, f"{what} {value(a)} != {value(b)}")
        self.attributes(path, *[attributes(fd, name) for fd in fds])
        kind = kinds[0]
        if kind != stat.S_IFDIR:
            for s, links in zip(stats, self.links):
                if s.st_nlink > 1:
                    links.setdefault((s.st_dev, s.st_ino), []).append(path)
        if kind in (stat.S_IFCHR, stat.S_IFBLK) and a.st_rdev != b.st_rdev:
            self.differ(path, f"device {os.major(a.st_rdev)}:{os.minor(a.st_rdev)} != "
                              f"{os.major(b.st_rdev)}:{os.minor(b.st_rdev)}")
        elif kind == stat.S_IFLNK:
            targets = [os.fsencode(os.readlink(name, dir_fd=fd)) for fd in fds]
            if targets[0] != targets[1]:
                self.differ(path, f"target {shown(targets[0])} != {shown(targets[1])}")
        elif kind in (stat.S_IFREG, stat.S_IFDIR):
            flags = os.O_RDONLY | os.O_NOFOLLOW | (os.O_DIRECTORY if kind == stat.S_IFDIR else os.O_NONBLOCK)
            inner = [os.open(name, flags, dir_fd=fd) for fd in fds]
            try:
                self.directory(inner, path) if kind == stat.S_IFDIR else self.file(inner, path, a, b)
            finally:
                for fd in inner:
                    os.close(fd)

    def attributes(self, path, a, b):
        for name in sorted(a.keys() | b.keys()):
            if a.get(name) != b.get(name):
                values = ["none" if x.get(name) is None else x[name].hex() or "empty" for x in (a, b)]
                self.differ(path, f"attribute {shown(name)} {values[0][:100]} != {values[1][:100]}")

    def file(self, fds, path, a, b):
        if a.st_size != b.st_size:
            self.differ(path, f"size {a.st_size} != {b.st_size}")
            return
        at = first_difference(*fds, a.st_size)
        if at is not None:
            self.differ(path, f"contents differ in the megabyte from byte {at} on")
        if b.st_blocks > a.st_blocks and not self.options.ignore_blocks:
            # Blocks of the file system's own (extents, attributes) are counted with the file on some systems.
            extra = (b.st_blocks - a.st_blocks) * 512
            own = (1 if a.st_dev == b.st_dev else 4) * b.st_blksize + a.st_blocks * 512 // 256
            if extra <= own:
                self.rounded += 1
            else:
                self.differ(path, f"takes {b.st_blocks * 512} bytes of disk != {a.st_blocks * 512}")

    def groups(self):
        a, b = [{frozenset(paths) for paths in links.values() if len(paths) > 1} for links in self.links]
        for group in sorted(map(sorted, a ^ b)):
            where = "first" if frozenset(group) in a else "second"
            self.differ(group[0], f"hard-link group only in the {where} tree: {' '.join(map(shown, group))}")
        return len(a)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("trees", nargs="+", metavar="FIRST SECOND")
    parser.add_argument("--ignore", action="append", default=[], type=os.fsencode, metavar="NAME",
                        help="an entry of the top directory to leave out")
    parser.add_argument("--ignore-times", action="store_true")
    parser.add_argument("--ignore-blocks", action="store_true")
    parser.add_argument("--limit", type=int, default=100, help="differences to print (all are counted)")
    options = parser.parse_args()
    if os.geteuid() != 0:
        print("compare_trees: not root: entries and attributes that only root sees are not compared", file=sys.stderr)
    sys.setrecursionlimit(1 << 20)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if len(options.trees) % 2:
        parser.error("a tree has none to be compared with")
    entries = groups = differences = rounded = 0
    for pair in zip(options.trees[::2], options.trees[1::2]):
        comparison = Comparison(options)
        try:
            fds = [os.open(p, os.O_RDONLY | os.O_DIRECTORY) for p in pair]
            comparison.entry(fds, b".", b"")
            groups += comparison.groups()
            for fd in fds:
                os.close(fd)
        except OSError as error:
            print(f"compare_trees: {error}", file=sys.stderr)
            return 2
        if comparison.differences and len(options.trees) > 2:
            print(f"{comparison.differences} differences between {pair[0]} and {pair[1]}")
        entries += comparison.entries
        differences += comparison.differences
        rounded += comparison.rounded
    if rounded:
        print(f"{rounded} files take a little more room: the file system's own blocks")
    print(f"{groups} hard-link groups")
    print(f"{entries} entries, {differences} differences")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
