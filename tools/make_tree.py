#!/usr/bin/env python3
"""Makes a random tree of awkward but legal entries in a new directory, as root: every type, names of any bytes, hard
links across directories, extended attributes, ACLs and capabilities, sparse files, times from 1901 to beyond 2446, any
mode, deep nesting. The same seed gives the same tree on the same file system; what a file system refuses is left out.

make_tree.py SEED DIR [--entries N] [--deep] [--count N]
SEED may be `random`; it is printed. With --count the trees are DIR/0, DIR/1 ..., of SEED, SEED + 1 ..."""
import argparse
import os
import random
import resource
import stat
import struct
import sys

LENGTHS = [0, 1, 63, 64, 65, 511, 4095, 4096, 4097, 16384, 65535, 65536, 65537, 100_000, 300_000]
HOLES = [1, 4095, 4096, 8192, 61_440, 65_535, 65_536, 65_537, 69_632, 131_072, 1 << 20, 5_000_001]
SECONDS = [0, 1, -1, -86_400, -(1 << 31), (1 << 31) - 1, 1 << 31, 1 << 32, 4_102_444_800, 15_032_385_535,
           15_032_385_536, 1_700_000_000, (1 << 40)]
NANOSECONDS = [0, 1, 999_999_999, 500_000_000, 123_456_789, 1000]
IDS = [0, 1, 33, 100, 1000, 65_534, 65_535, 100_000, (1 << 31) - 1, 1 << 31, (1 << 32) - 2]
DEVICES = [(0, 0), (1, 3), (1, 5), (5, 1), (254, 255), (255, 256), (4095, (1 << 20) - 1)]
NAMES = [b"-rf", b"--", b" ", b"  a ", b"...", b"..a", b".a", b"a\n", b"\n", b"\x1b[31mred\x1b[0m", b"\x7f", b"\x01",
         b"\\", b"\"", b"'", b"$HOME", b"`id`", b"*", b"?", b"[a]", b"a;b", b"a|b", b"CON", b"nul.txt", b"a:b", b"%s%n",
         b"\xff", b"\xfe\xff", b"\xc3\x28", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\xae\xc0\xae", b"caf\xe9",
         "‮txt.exe".encode(), "é".encode(), "e\u0301".encode(), "ñ".encode(), "n\u0303".encode(), "Å".encode(),
         "A\u030a".encode(), "\u212b".encode(), "😀".encode(), "\u2028".encode(), "\ufeff".encode(), b"README", b"readme",
         b"ReadMe", b"a-b", b"a.b", b"a", b"a0", b".wh.a", b".wh..wh..opq", b".snapstore", b"lost+found"]


class Tree:
    def __init__(self, seed, top, entries, deep):
        self.random, self.entries, self.deep = random.Random(seed), entries, deep
        self.made, self.linkable = [], []               # (directory fd, name, type, fd of a directory or None)
        self.blobs = [self.random.randbytes(n) for n in (64, 4096, 30_000, 200_000)]
        parent, name = os.path.split(os.path.abspath(os.fsencode(top)))
        os.mkdir(top, 0o700)
        self.top_parent = os.open(parent, os.O_RDONLY)
        self.directories = []
        self.add_directory(self.top_parent, name)

    def add_directory(self, parent, name):
        fd = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=parent)
        self.directories.append(fd)
        self.made.append((parent, name, stat.S_IFDIR, fd))
        return fd

    def build(self):
        makers = [(self.file, 30), (self.sparse, 12), (self.directory, 12), (self.symlink, 12), (self.link, 14),
                  (self.node, 20), (self.pair, 4), (self.chain, 1)]
        while len(self.made) < self.entries:
            maker = self.random.choices([m for m, _ in makers], [w for _, w in makers])[0]
            # Directories so far, the newest more often: some wide, some deep.
            weights = range(1, len(self.directories) + 1)
            parent = self.random.choice(self.directories) if self.random.random() < 0.5 else \
                self.random.choices(self.directories, weights)[0]
            self.attempt(maker, parent, self.name())
        if self.deep:
            self.chain(self.directories[0], b"deep", 30, 255)
        for made in reversed(self.made):                # a directory after all that is in it
            self.metadata(*made)
        for fd in [self.top_parent] + self.directories:
            os.close(fd)

    @staticmethod
    def attempt(maker, *arguments):
        try:
            maker(*arguments)
        except OSError:                                 # taken, or this file system has no such thing
            pass

    def name(self):
        pick = self.random.random()
        if pick < 0.45:
            return self.random.choice(NAMES)
        if pick < 0.75:
            return b"%s%d" % (self.random.choice([b"file", b"lib", b"x"]), self.random.randrange(1000))
        length = 255 if pick > 0.97 else self.random.choice([1, 2, 3, 20, 60])
        if pick > 0.9:
            return (self.random.choice([b"n", "é".encode(), b"\xff"]) * 255)[:length]
        allowed = bytes(b for b in range(1, 256) if b != ord("/"))
        name = bytes(self.random.choices(allowed, k=length))
        return b"_" + name if name in (b".", b"..") else name

    def data(self):
        pick = self.random.random()
        if pick < 0.2:
            return self.random.choice(self.blobs)       # the same content at several places
        length = self.random.choice(LENGTHS) if pick < 0.97 else self.random.randrange(3_000_000)
        if pick > 0.6:
            return (self.random.choice([b"text ", b"\0", b"ab\n"]) * length)[:length]
        return self.random.randbytes(length)

    def file(self, parent, name):
        fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=parent)
        self.write(fd, [self.data()])
        self.add(parent, name, stat.S_IFREG)

    def sparse(self, parent, name):
        fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=parent)
        pieces = []
        for _ in range(self.random.randrange(1, 12)):
            pick = self.random.random()
            length = self.random.choice(HOLES) if pick < 0.8 else self.random.randrange(1, 200_000)
            pieces.append(length if pick < 0.5 else bytes(length) if pick < 0.65 else self.data())
        if self.random.random() < 0.03:
            pieces.insert(1, 1 << 32)
        self.write(fd, pieces)
        self.add(parent, name, stat.S_IFREG)

    @staticmethod
    def write(fd, pieces):
        """Bytes are written, numbers are holes."""
        at = 0
        for piece in pieces:
            if isinstance(piece, bytes):
                os.pwrite(fd, piece, at)
            at += piece if isinstance(piece, int) else len(piece)
        os.ftruncate(fd, at)
        os.close(fd)

    def directory(self, parent, name):
        os.mkdir(name, 0o700, dir_fd=parent)
        self.add_directory(parent, name)

    def chain(self, parent, name, depth=None, length=None):
        for _ in range(depth or self.random.choice([5, 30, 60])):
            name = (name * 255)[:length] if length else name[:20]
            os.mkdir(name, 0o700, dir_fd=parent)
            parent = self.add_directory(parent, name)
            name = self.random.choice([b"d", "é".encode(), b"\xff", b" "])

    def symlink(self, parent, name):
        target = self.random.choice([
            name, b".", b"..", b"../../../../../../etc/passwd", b"/", b"/etc/passwd", b"./" + name, b"a/b/c", b" ",
            b"\n\xff\x1b[31m", b"x" * 4095, (b"../" * 1400)[:4095], b"y" * 60, b"y" * 59,
            self.random.choice(self.made)[1], self.random.choice(NAMES)])
        os.symlink(target, name, dir_fd=parent)
        self.add(parent, name, stat.S_IFLNK)

    def node(self, parent, name):
        kind = self.random.choice([stat.S_IFIFO, stat.S_IFSOCK, stat.S_IFCHR, stat.S_IFBLK])
        device = os.makedev(*self.random.choice(DEVICES)) if kind in (stat.S_IFCHR, stat.S_IFBLK) else 0
        os.mknod(name, kind | 0o600, device, dir_fd=parent)
        self.add(parent, name, kind)

    def pair(self, parent, _):
        """The same name to a human, not to a file system."""
        for name in self.random.choice([("é", "e\u0301"), ("Å", "A\u030a"), ("Å", "\u212b"), ("README", "readme"),
                                        ("ﬁ", "fi"), ("a", "a "), ("ß", "ss")]):
            self.attempt(self.file, parent, name.encode())

    def link(self, parent, name):
        source_parent, source, kind = self.random.choice(self.linkable[-20:] or [(parent, name, 0)])
        os.link(source, name, src_dir_fd=source_parent, dst_dir_fd=parent, follow_symlinks=False)
        self.made.append((parent, name, kind, None))

    def add(self, parent, name, kind):
        self.made.append((parent, name, kind, None))
        self.linkable.append((parent, name, kind))

    def metadata(self, parent, name, kind, _):
        os.chown(name, self.random.choice(IDS), self.random.choice(IDS), dir_fd=parent, follow_symlinks=False)
        while self.random.random() < 0.4:
            self.attempt(self.attribute, b"/proc/self/fd/%d/%s" % (parent, name), kind)
        if kind != stat.S_IFLNK:
            mode = self.random.choice([0, 0o644, 0o755, 0o4755, 0o2755, 0o1777, 0o7777, 0o600, 0o111,
                                       self.random.randrange(0o10000)])
            os.chmod(name, mode, dir_fd=parent)
        seconds = self.random.choice(SECONDS + [self.random.randrange(-(1 << 31), 1 << 33)])
        time = seconds * 10**9 + self.random.choice(NANOSECONDS)
        self.attempt(lambda: os.utime(name, ns=(time, time), dir_fd=parent, follow_symlinks=False))

    def attribute(self, path, kind):
        value = self.random.randbytes(self.random.choice([0, 1, 20, 1000, 1024, 1025, 3000]))
        names = [b"trusted.a", b"trusted.overlay.opaque", b"trusted.\xff\n", b"security.test", b"trusted." + b"n" * 247]
        if kind in (stat.S_IFREG, stat.S_IFDIR):
            names += [b"user.a", b"user.B", b"user.\xff\x1b", b"user.mime_type", b"user.overlay.redirect"]
        name = self.random.choice(names)
        if kind in (stat.S_IFREG, stat.S_IFDIR) and self.random.random() < 0.3:
            name, value = b"system.posix_acl_access", self.acl()
            if kind == stat.S_IFDIR and self.random.random() < 0.5:
                name = b"system.posix_acl_default"
        elif kind == stat.S_IFREG and self.random.random() < 0.3:
            revision, words = self.random.choice([(0x02000000, 4), (0x02000001, 4), (0x03000000, 5)])
            name, value = b"security.capability", struct.pack("<I", revision) + bytes(
                [0, 4, 0, 0, 0, 4, 0, 0]) + bytes(8) + (struct.pack("<I", 1000) if words == 5 else b"")
        os.setxattr(path, name, value, follow_symlinks=False)

    def acl(self):
        def rows(tag, ids):
            return [(tag, self.random.randrange(8), i) for i in sorted(ids)]

        named = [set(self.random.choices(IDS, k=self.random.randrange(4))) for _ in range(2)]
        none = [0xFFFFFFFF]
        acl = rows(1, none) + rows(2, named[0]) + rows(4, none) + rows(8, named[1]) + rows(16, none) + rows(32, none)
        return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *row) for row in acl)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("seed")
    parser.add_argument("directory", help="must not exist")
    parser.add_argument("--entries", type=int, default=80)
    parser.add_argument("--deep", action="store_true", help="with paths longer than PATH_MAX")
    parser.add_argument("--count", type=int, help="make so many trees below the directory, which is made")
    options = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("make_tree: run it as root: devices, owners and trusted attributes need it")
    seed = random.SystemRandom().randrange(1 << 63) if options.seed == "random" else int(options.seed)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    os.umask(0)
    directories = [options.directory]
    if options.count is not None:
        os.mkdir(options.directory)
        directories = [os.path.join(options.directory, str(number)) for number in range(options.count)]
    for number, directory in enumerate(directories):
        tree = Tree(seed + number, directory, options.entries, options.deep)
        tree.build()
        print(f"seed {seed + number}: {len(tree.made)} entries in {directory}")


if __name__ == "__main__":
    main()
