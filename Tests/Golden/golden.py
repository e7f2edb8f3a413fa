#!/usr/bin/env python3
"""The formats of docs/format.md once more, written from that text alone: Python standard library only.

    golden.py vectors              write vectors.json, which the tests hold the Swift code to (see README.md)
    golden.py capture DIR          print the digest of the manifest that a capture of DIR has (kind `directory`)
             [--jobs N] [--kind KIND] [--manifest]
"""
import argparse
import base64
import concurrent.futures
import errno
import hashlib
import mmap
import os
import resource
import stat
import struct
import sys

CHUNK, LIST, TREE, MANIFEST, RECORD = 1, 2, 3, 4, 5
FILE, DIRECTORY, SYMLINK, CHARACTER, BLOCK, FIFO, SOCKET = 1, 2, 3, 4, 5, 6, 7
CDC, PAGES = 0, 1
INLINE_MAX, SEGMENTS_MAX, PAGE = 64, 16, 65536
ZERO_BLOCK, ZERO_RUN = 4096, 65536
K, MIN, MAX = 14, 4096, 65536                                   # profile fastcdc-1
AVERAGE = 1 << K
M64 = (1 << 64) - 1
MASK_SMALL = M64 ^ ((1 << 64 - (K + 2)) - 1)                    # the top K + 2 bits
MASK_LARGE = M64 ^ ((1 << 64 - (K - 2)) - 1)


def sha(data):
    return hashlib.sha256(data).digest()


def text(digest):
    return "sha256:" + digest.hex()


def tail(digest):
    return int.from_bytes(digest[-8:], "big")


def no_store(kind, data):
    return sha(data)


# 1. Notation

def varint(n):
    assert 0 <= n <= M64
    out = bytearray()
    while n >= 0x80:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


def zigzag(n):
    return varint(n << 1 if n >= 0 else (-n << 1) - 1)


def string(b):
    return varint(len(b)) + b


# 3. Content. A segment is (size, digest); a zero segment has the digest None.

GEAR = [int.from_bytes(sha(bytes([b]))[:8], "big") for b in range(256)]


def cut_end(data, s, e, gear=GEAR):
    """Where the chunk that starts at s ends, in a run that ends at e."""
    if e - s <= MIN:
        return e
    h, first = 0, s + MIN
    for b in data[first - 64:first]:
        h = ((h << 1) + gear[b]) & M64
    middle, last = min(s + AVERAGE, e), min(s + MAX, e)
    for start, end, mask in ((first, middle, MASK_SMALL), (middle, last, MASK_LARGE)):
        i = start
        for b in data[start:end]:
            i += 1
            h = ((h << 1) + gear[b]) & M64
            if not h & mask:
                return i
    return last


def zero_runs(data, length, next_data=lambda at: at):
    """(start, end) of the maximal runs of all-zero blocks that are long enough. Blocks before next_data(at) are holes
    of the file system, known to be zeros without being read."""
    zero, start, at = bytes(ZERO_BLOCK), None, 0
    while at < length:
        end = min(max(at, next_data(at)) // ZERO_BLOCK * ZERO_BLOCK, length)
        if end <= at:
            end = min(at + ZERO_BLOCK, length)
            block = data[at:end]
            if block != zero and any(block):
                if start is not None and at - start >= ZERO_RUN:
                    yield start, at
                start, at = None, end
                continue
        start, at = at if start is None else start, end
    if start is not None and length - start >= ZERO_RUN:
        yield start, length


def segments(data, length, cut=CDC, emit=no_store, runs=None):
    at = 0
    for start, end in [*(runs or zero_runs(data, length)), (length, length)]:
        while at < start:
            stop = cut_end(data, at, start) if cut == CDC else min(start, (at // PAGE + 1) * PAGE)
            chunk = data[at:stop]
            yield len(chunk), emit(CHUNK, chunk)
            at = stop
        if end > start:
            yield end - start, None
        at = end


def segment(size, digest):
    return varint(size << 1 | 1) if digest is None else varint(size << 1) + digest


def content(cut, length, inline=None, parts=None, emit=no_store):
    if length <= INLINE_MAX:
        return bytes([CDC]) + string(inline)
    head = bytes([cut]) + varint(length)
    if len(parts) <= SEGMENTS_MAX:
        return head + b"\0" + varint(len(parts)) + b"".join(segment(*p) for p in parts)
    return head + b"\1" + chunk_list(parts, emit)


def content_of(data, cut=CDC, emit=no_store):
    if len(data) <= INLINE_MAX:
        return content(cut, len(data), inline=bytes(data))
    return content(cut, len(data), parts=list(segments(data, len(data), cut, emit)), emit=emit)


# 4. Chunk list

def list_node(level, items):
    encode = segment if level == 0 else lambda size, digest: varint(size) + digest
    return b"L\1" + bytes([level]) + varint(len(items)) + b"".join(encode(*i) for i in items)


def chunk_list(items, emit=no_store):
    level = 0
    while True:
        above, node = [], []
        for n, (size, digest) in enumerate(items):
            node.append((size, digest))
            full = len(node) >= 64 and digest is not None and tail(digest) & 255 == 0
            if full or len(node) == 1024 or n == len(items) - 1:
                above.append((sum(i[0] for i in node), emit(LIST, list_node(level, node))))
                node = []
        if len(above) == 1:
            return above[0][1]
        items, level = above, level + 1


# 5. Tree

def canonical_acl(value):
    if len(value) % 8 != 4 or value[:4] != struct.pack("<I", 2):
        return value
    entries = [value[i:i + 8] for i in range(4, len(value), 8)]
    return value[:4] + b"".join(sorted(entries, key=lambda x: struct.unpack("<HHI", x)[::2]))


ACLS = (b"system.posix_acl_access", b"system.posix_acl_default")


def xattr(name, value, emit=no_store):
    if name in ACLS:
        value = canonical_acl(value)
    return string(name) + varint(len(value)) + (value if len(value) <= 1024 else emit(CHUNK, value))


def entry(name, kind, mode, uid, gid, seconds, nanoseconds, xattrs, payload, emit=no_store):
    return b"".join([
        string(name), bytes([kind]), varint(mode), varint(uid), varint(gid), zigzag(seconds), varint(nanoseconds),
        varint(len(xattrs)), *(xattr(n, v, emit) for n, v in sorted(xattrs)), payload])


def tree_node(level, items):
    return b"T\1" + bytes([level]) + varint(len(items)) + b"".join(items)


def tree(items, emit=no_store):
    """The digest of the top node of a directory; items are (name, encoded entry) in any order."""
    items, level = sorted(items), 0
    while True:
        above, node, size, last = [], [], 0, b""

        def end_node():
            above.append((last, emit(TREE, tree_node(level, node))))

        for name, encoded in items:
            if size + len(encoded) > 262144:
                end_node()
                node, size = [], 0
            node.append(encoded)
            size, last = size + len(encoded), name
            if tail(sha(name)) >> 7 * level & 127 == 0 or len(node) == 512:
                end_node()
                node, size = [], 0
        if node or not above:
            end_node()
        if len(above) == 1:
            return above[0][1]
        items, level = [(name, string(name) + digest) for name, digest in above], level + 1


def root(encoded_entry):
    return b"R\1" + encoded_entry


# 6. Link table

def link_table(groups):
    return b"".join(varint(len(g)) + b"".join(map(string, sorted(g))) for g in sorted(map(sorted, groups)))


def links(groups, emit=no_store):
    stream = link_table(groups)
    return {"length": len(stream), "list": text(chunk_list(list(segments(stream, len(stream), CDC, emit)), emit))}


# 7. and 8. Canonical JSON. Text is str or bytes.

def canonical(value):
    if isinstance(value, dict):
        return b"{" + b",".join(canonical(k) + b":" + canonical(value[k]) for k in sorted(value)) + b"}"
    if isinstance(value, (list, tuple)):
        return b"[" + b",".join(map(canonical, value)) + b"]"
    if isinstance(value, int):
        assert 0 <= value <= 1 << 53
        return b"%d" % value
    if isinstance(value, bytes):
        try:
            value = value.decode()
        except UnicodeDecodeError:
            return canonical({"b64": base64.b64encode(value).decode()})
    return b'"' + "".join(
        "\\" + c if c in '"\\' else "\\u%04x" % ord(c) if c < " " else c for c in value).encode() + b'"'


# 9. to 11. Frames with codec 0, packs, export streams

def pack(frames):
    """frames: lists of (kind, bytes)."""
    body, footer = [], [varint(len(frames))]
    for objects in frames:
        raw = b"".join(data for _, data in objects)
        body.append(raw)
        footer += [b"\0", varint(len(raw)), varint(len(raw)), sha(raw)[:16], varint(len(objects))]
        footer += [bytes([kind]) + varint(len(data)) + sha(data) for kind, data in objects]
    footer = b"".join(footer)
    return b"".join([b"SNAPPACK", struct.pack("<HHI", 1, 0, 0), *body, footer,
                     struct.pack("<I", len(footer)), sha(footer), b"KCAPPANS"])


def export(packs):
    return b"SNAPEXP1" + b"".join(struct.pack("<Q", len(p)) + p for p in packs) + struct.pack("<Q", 0)


# Capture

def file_content(path, directory=None):
    with open(path, "rb", opener=lambda name, flags: os.open(name, flags, dir_fd=directory)) as file:
        length = os.fstat(file.fileno()).st_size
        if length <= INLINE_MAX:
            return content(CDC, length, inline=file.read())
        with mmap.mmap(file.fileno(), length, prot=mmap.PROT_READ) as data:
            runs = zero_runs(data, length, lambda at: seek_data(file.fileno(), at, length))
            return content(CDC, length, parts=list(segments(data, length, runs=runs)))


def seek_data(file, at, length):
    try:
        return os.lseek(file, at, os.SEEK_DATA)
    except OSError:                                             # nothing but a hole to the end
        return length


def xattrs_of(directory, name):
    path = b"/proc/self/fd/%d/%s" % (directory, name)           # never too long
    try:
        return [(n, os.getxattr(path, n, follow_symlinks=False))
                for n in map(os.fsencode, os.listxattr(path, follow_symlinks=False)) if is_captured(n)]
    except OSError as error:
        if error.errno != errno.ENOTSUP:
            raise
        return []


def is_captured(name):
    return name in ACLS or name.startswith((b"user.", b"trusted.", b"security.")) and \
        not name.startswith(b"trusted.SGI_ACL_")


class Capture:
    """Contents are cut by several processes first; then one walk by descriptors makes the entries."""

    def __init__(self, top, jobs):
        self.top, self.links = os.fsencode(top), {}
        files = []
        for at, _, names in os.walk(self.top):                  # paths longer than PATH_MAX are left to the walk
            files += [p for p in (os.path.join(at, n) for n in names)
                      if len(p) < 4096 and stat.S_ISREG(os.lstat(p).st_mode)]
        with concurrent.futures.ProcessPoolExecutor(jobs) as pool:
            self.contents = dict(zip(files, pool.map(file_content, files, chunksize=16)))

    def directory(self, parent, name, path):
        fd = os.open(name, os.O_RDONLY | os.O_DIRECTORY, dir_fd=parent)
        try:
            return tree([(n, self.entry(fd, n, os.path.join(path, n))) for n in map(os.fsencode, os.listdir(fd))])
        finally:
            os.close(fd)

    def entry(self, parent, name, path):
        status = os.lstat(name or b".", dir_fd=parent)
        kind, payload = stat.S_IFMT(status.st_mode), b""
        if kind == stat.S_IFDIR:
            code, payload = DIRECTORY, self.directory(parent, name or b".", path)
        elif kind == stat.S_IFREG:
            made = self.contents.get(os.path.join(self.top, path))
            code, payload = FILE, made or file_content(name, parent)
        elif kind == stat.S_IFLNK:
            code, payload = SYMLINK, string(os.fsencode(os.readlink(name, dir_fd=parent)))
        elif kind in (stat.S_IFCHR, stat.S_IFBLK):
            code = CHARACTER if kind == stat.S_IFCHR else BLOCK
            payload = varint(os.major(status.st_rdev)) + varint(os.minor(status.st_rdev))
        else:
            code = FIFO if kind == stat.S_IFIFO else SOCKET
        if code != DIRECTORY and status.st_nlink > 1:
            self.links.setdefault((status.st_dev, status.st_ino), []).append(path)
        mode = 0o777 if code == SYMLINK else stat.S_IMODE(status.st_mode)
        return entry(name, code, mode, status.st_uid, status.st_gid, *divmod(status.st_mtime_ns, 10**9),
                     xattrs_of(parent, name or b"."), payload)

    def manifest(self, kind):
        top = self.entry(os.open(self.top, os.O_RDONLY | os.O_DIRECTORY), b"", b"")
        fields = {"format": 1, "kind": kind, "root": text(sha(root(top)))}
        groups = [paths for paths in self.links.values() if len(paths) > 1]
        return canonical(fields | ({"links": links(groups)} if groups else {}))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("vectors")
    capture = commands.add_parser("capture")
    capture.add_argument("directory")
    capture.add_argument("--jobs", type=int, default=os.cpu_count())
    capture.add_argument("--kind", default="directory")
    capture.add_argument("--manifest", action="store_true", help="print the manifest itself")
    options = parser.parse_args()
    sys.setrecursionlimit(1 << 20)                              # and a descriptor for every level
    resource.setrlimit(resource.RLIMIT_NOFILE, 2 * resource.getrlimit(resource.RLIMIT_NOFILE)[1:])
    if options.command == "vectors":
        import vectors
        vectors.write(os.path.join(os.path.dirname(os.path.abspath(__file__)), "vectors.json"))
        return
    manifest = Capture(options.directory, options.jobs).manifest(options.kind)
    print(manifest.decode() if options.manifest else text(sha(manifest)))


if __name__ == "__main__":
    main()
