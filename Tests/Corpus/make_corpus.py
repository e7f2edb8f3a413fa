#!/usr/bin/env python3
"""Writes the corpus: bytes that a stranger might send, one case a file, and index.json, which says of each which
decoder or command it is for and how that must answer. Python standard library only; the same bytes every time.

What `refused` of the golden vectors has is not repeated here. README.md says what the fields of the index mean."""
import io
import json
import os
import shutil
import sys
import tarfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path += [os.path.join(HERE, "..", "Golden")]
from golden import *  # noqa: E402
from refused import plain  # noqa: E402
from vectors import DIGEST, RECORD_FIELDS, counter, snapshot  # noqa: E402

HUGE = [("2^31", 1 << 31), ("2^32", 1 << 32), ("2^62", 1 << 62), ("2^63", 1 << 63), ("2^64-1", M64)]


def trees():
    a, b = plain(b"a"), plain(b"b")
    good = tree_node(0, [a, b])
    yield "good", "ok", good
    yield "nothing", "truncated", b""
    yield "wrong magic", "unknown", b"X" + good[1:]
    yield "trailing garbage", "trailing_bytes", good + b"garbage"
    yield "over-long count", "not_canonical", b"T\1\0\x82\0" + a + b
    for name, count in HUGE:
        yield f"{name} entries", "range", b"T\1\0" + varint(count) + a
        yield f"a name of {name} bytes", "range", b"T\1\0\1" + varint(count) + a[1:]
    yield "512 entries promised, one there", "truncated", b"T\1\0" + varint(512) + a
    yield "an integer of 11 bytes", "range", b"T\1\0" + b"\xff" * 10 + b"\1" + a
    long_name = lambda n: varint(n) + b"x" * n
    for title, name in (("empty", b""), ("dot", b"."), ("dot dot", b".."), ("slash", b"a/b"), ("NUL", b"a\0b")):
        yield f"name {title}", "range", tree_node(0, [plain(name)])
    yield "name of 255 bytes", "ok", tree_node(0, [plain(b"x" * 255)])
    yield "name of 256 bytes", "range", tree_node(0, [plain(b"x" * 256)])
    for title, name in (("newline", b"a\nb"), ("escape", b"\x1b[2J"), ("right-to-left", "a\u202eb".encode()),
                        ("not UTF-8", b"\xff\xfe"), ("surrogate", b"\xed\xa0\x80"), ("three dots", b"...")):
        yield f"legal name: {title}", "ok", tree_node(0, [plain(name)])
    pair = sorted(["é".encode(), "e\u0301".encode()])
    yield "legal names: NFC and NFD", "ok", tree_node(0, [plain(n) for n in pair])
    yield "legal names: case pair", "ok", tree_node(0, [plain(b"A"), plain(b"a")])
    for title, target in (("absolute", b"/etc/passwd"), ("dot dot", b"../../../etc/passwd"), ("itself", b"l")):
        yield f"link target {title}", "ok", tree_node(0, [plain(b"l", SYMLINK, string(target), mode=0o777)])
    yield "link target of 4,095 bytes", "ok", tree_node(0, [plain(b"l", SYMLINK, long_name(4095), mode=0o777)])
    yield "link target of 4,096 bytes", "range", tree_node(0, [plain(b"l", SYMLINK, long_name(4096), mode=0o777)])
    yield "user id 2^32-2", "ok", tree_node(0, [plain(b"a", ids=varint((1 << 32) - 2) + b"\0")])
    yield "user id 2^32-1", "range", tree_node(0, [plain(b"a", ids=varint((1 << 32) - 1) + b"\0")])
    yield "set-user-id device", "ok", tree_node(0, [plain(b"a", BLOCK, b"\10\0", mode=0o6755)])
    for title, time in (("before 1901", -(1 << 31) - 1), ("after 2446", 15_032_385_536), ("first", -(1 << 63))):
        yield f"legal time {title}", "ok", tree_node(0, [plain(b"a", seconds=zigzag(time))])
    for name in (b"security.capability", b"trusted.overlay.opaque", b"user.overlay.whiteout"):
        yield "attribute " + name.decode(), "ok", tree_node(0, [plain(b"a", xattrs=b"\1" + xattr(name, b"y"))])
    for title, size in HUGE:
        head = b"\1" + string(b"user.a") + varint(size)
        yield f"an attribute of {title} bytes", "range", tree_node(0, [plain(b"a", xattrs=head)])
        yield f"a file of {title} bytes", "range" if size > 1 << 60 else "ok", tree_node(
            0, [plain(b"a", FILE, b"\0" + varint(size) + b"\1" + sha(b"x"))])
    yield "100,000 attributes promised", "truncated", tree_node(0, [plain(b"a", xattrs=varint(100_000))])
    yield "200,000 attributes promised", "range", tree_node(0, [plain(b"a", xattrs=varint(200_000))])


def lists():
    part = segment(65536, None)
    good = b"L\1\0" + varint(17) + part * 17
    yield "good", "ok", good
    yield "nothing", "truncated", b""
    yield "wrong magic", "unknown", b"T" + good[1:]
    yield "over-long count", "not_canonical", b"L\1\0\x91\0" + part * 17
    for title, count in HUGE:
        yield f"{title} items", "range", b"L\1\0" + varint(count) + part
        yield f"a child of {title} bytes", "range" if count > 1 << 60 else "ok", list_node(1, [(count, sha(b"x"))])
    yield "1,024 items promised, 17 there", "truncated", b"L\1\0" + varint(1024) + part * 17
    yield "a hole of 2^60 + 1", "limit", list_node(0, [((1 << 60) + 1, None)])
    yield "trailing garbage", "trailing_bytes", good + b"L\1\0"


def links():
    group = lambda *paths: varint(len(paths)) + b"".join(map(string, paths))
    yield "good", "ok", group(b"a", b"b/c")
    yield "trailing garbage", "truncated", group(b"a", b"b") + b"\5"
    yield "over-long count", "not_canonical", b"\x82\0" + string(b"a") + string(b"b")
    for title, count in HUGE:
        yield f"a group of {title}", "range", varint(count) + string(b"a")
        yield f"a path of {title} bytes", "range", b"\2" + varint(count) + b"a"
    yield "outside", "range", group(b"../x", b"a")
    yield "absolute", "range", group(b"/etc/passwd", b"a")
    yield "no names", "range", b"\0"
    yield "a name twice in two groups", "order", group(b"a", b"b") + group(b"a", b"c")


def texts(good):
    yield "good", "ok", good
    yield "nested 100,000 deep", "limit", b"[" * 100_000
    yield "objects nested 20,000 deep", "limit", b'{"a":' * 20_000
    yield "not UTF-8", "not_canonical", good.replace(b"1", b'"\xff"', 1)
    yield "byte order mark", "unknown", b"\xef\xbb\xbf" + good
    yield "trailing garbage", "trailing_bytes", good + b"{}"
    yield "integer 2^53 + 1", "range", good.replace(b":1", b":9007199254740993", 1)
    yield "integer of 1,000 digits", "range", good.replace(b":1", b":" + b"9" * 1000, 1)
    yield "negative integer", "unknown", good.replace(b":1", b":-1", 1)
    yield "true", "unknown", good.replace(b":1", b":true", 1)
    yield "a lone surrogate escape", "not_canonical", good.replace(b":1", b':"\\ud800"', 1)
    yield "an endless string", "truncated", b'{"a":"' + b"x" * 10_000
    yield "NUL", "unknown", b"\0" + good


def manifests():
    yield from texts(canonical({"format": 1, "kind": "directory", "root": DIGEST}))


def records():
    yield from texts(canonical({"format": 1, **{k: v for k, v in RECORD_FIELDS.items() if k != "created"},
                                "created": 1}))


# A frame is its raw length (u32) and the stored bytes.

def zstd(blocks, size=None, window=None, dictionary=b"", tail=b""):
    """A frame of RFC 8878 with blocks (0 raw or 1 repeated, size, data)."""
    flag = {0: 0, 1: 1, 2: 2, 4: 3}[len(dictionary)]
    head = bytes([(0 if size is None else 0x80) | (0x20 if window is None else 0) | flag])
    head += (b"" if window is None else bytes([window])) + dictionary
    head += b"" if size is None else struct.pack("<I", size)
    body = b"".join(struct.pack("<I", count << 3 | kind << 1 | (n == len(blocks) - 1))[:3] + data
                    for n, (kind, count, data) in enumerate(blocks))
    return b"\x28\xb5\x2f\xfd" + head + body + tail


def frames():
    raw = lambda n: struct.pack("<I", n)
    thousand = [(1, 1000, b"\7")]
    good = zstd(thousand, 1000)
    bomb = [(1, 131072, b"\7")] * 8192
    skippable = struct.pack("<II", 0x184D2A50, 4) + b"skip"
    yield "good", "ok", raw(1000) + good
    yield "32 KiB that expand to 1 GiB", "corrupt", raw(8 << 20) + zstd(bomb, 1 << 30)
    yield "1 GiB that says 8 MiB", "corrupt", raw(8 << 20) + zstd(bomb, 8 << 20)
    yield "1 GiB that says 8 MiB, with a window", "corrupt", raw(8 << 20) + zstd(bomb, 8 << 20, window=13 << 3)
    yield "a window of 2 GiB", "corrupt", raw(1000) + zstd(thousand, 1000, window=21 << 3)
    yield "a window of 3.75 TiB", "corrupt", raw(1000) + zstd(thousand, 1000, window=0xFF)
    yield "one byte less than said", "corrupt", raw(1000) + zstd([(1, 999, b"\7")], 1000)
    yield "one byte more than said", "corrupt", raw(1000) + zstd([(1, 1001, b"\7")], 1000)
    yield "declared as one byte less", "corrupt", raw(999) + good
    yield "declared as one byte more", "corrupt", raw(1001) + good
    yield "no content size", "corrupt", raw(1000) + zstd(thousand, window=0)
    yield "a dictionary", "corrupt", raw(1000) + zstd(thousand, 1000, dictionary=b"\1\0\0\0")
    yield "dictionary 0", "corrupt", raw(1000) + zstd(thousand, 1000, dictionary=b"\0")
    yield "a skippable frame before", "corrupt", raw(1000) + skippable + good
    yield "a skippable frame after", "corrupt", raw(1000) + good + skippable
    yield "only a skippable frame", "corrupt", raw(4) + skippable
    yield "two frames", "corrupt", raw(1000) + zstd([(1, 500, b"\7")], 500) * 2
    yield "a frame of 2^32 - 1", "corrupt", raw((1 << 32) - 1) + good
    yield "nothing", "corrupt", raw(1000)


# Packs and export streams

def footer_pack(body, footer, length=None, digest=None, magic=b"KCAPPANS"):
    return b"".join([b"SNAPPACK", struct.pack("<HHI", 1, 0, 0), body, footer,
                     struct.pack("<I", len(footer) if length is None else length), digest or sha(footer), magic])


def packs():
    body = counter("pack", 100)

    def frame(stored=varint(100), raw=varint(100), count=b"\1", length=varint(100), codec=b"\0", check=None):
        return codec + stored + raw + (check or sha(body)[:16]) + count + b"\1" + length + sha(body)

    good = footer_pack(body, b"\1" + frame())
    yield "good", "ok", good
    yield "nothing", "corrupt", b""
    yield "only a header", "corrupt", good[:16]
    yield "trailing garbage", "corrupt", good + b"\0"
    for title, n in HUGE:
        yield f"{title} frames", "corrupt", footer_pack(body, varint(n) + frame())
        yield f"a frame of {title} stored bytes", "corrupt", footer_pack(body, b"\1" + frame(stored=varint(n)))
        yield f"a frame of {title} raw bytes", "corrupt", footer_pack(body, b"\1" + frame(raw=varint(n)))
        yield f"{title} objects", "corrupt", footer_pack(body, b"\1" + frame(count=varint(n)))
        yield f"an object of {title} bytes", "corrupt", footer_pack(body, b"\1" + frame(length=varint(n)))
    yield "two frames promised", "corrupt", footer_pack(body, b"\2" + frame())
    yield "over-long count", "corrupt", footer_pack(body, b"\x81\0" + frame())
    yield "a frame that ends after the file", "corrupt", footer_pack(body[:50], b"\1" + frame())
    yield "a footer of 2^32 - 1 bytes", "corrupt", footer_pack(body, b"\1" + frame(), length=M64 >> 32)
    yield "a footer that begins in the header", "corrupt", footer_pack(body, b"\1" + frame(), length=len(good) - 50)
    yield "a footer of no bytes", "corrupt", footer_pack(body, b"")
    yield "compressed to more than it was", "corrupt", footer_pack(body, b"\1" + frame(codec=b"\1"))


def record_of(manifest, **fields):
    return RECORD, canonical(RECORD_FIELDS | {"manifest": text(sha(manifest)), "name": "corpus", "tag": "t"} | fields)


def stream_of(top, objects, links=None):
    """The stream of a snapshot whose root directory has this digest."""
    top_entry = root(plain(b"", DIRECTORY, top, mode=0o755))
    fields = {"format": 1, "kind": "directory", "root": text(sha(top_entry))} | ({"links": links} if links else {})
    manifest = canonical(fields)
    rows = [*objects.items_of(), (TREE, top_entry), (MANIFEST, manifest), record_of(manifest)]
    frames, size = [[]], 0
    for kind, data in rows:
        if size + len(data) > 1 << 20:
            frames.append([])
            size = 0
        frames[-1].append((kind, data))
        size += len(data)
    return export([pack(frames)])


class Objects(dict):
    def __call__(self, kind, data):
        self[kind, sha(data)] = data
        return sha(data)

    def items_of(self):
        return [(kind, data) for (kind, _), data in self.items()]


def doubled(levels, bottom, objects):
    for _ in range(levels):
        bottom = tree([(n, plain(n, DIRECTORY, bottom, mode=0o755)) for n in (b"a", b"b")], objects)
    return bottom


def endless_list(objects):
    """A list whose nodes all have 1,024 times the same child: a file of 2^60 bytes, a byte a chunk."""
    for first in range(1000):
        made = Objects()
        item = (1, made(CHUNK, b"%c" % (first % 256)))
        if tail(item[1]) & 255 == 0:
            continue
        for level in range(6):
            item = (item[0] * 1024, made(LIST, list_node(level, [item] * 1024)))
            if tail(item[1]) & 255 == 0:
                break
        else:
            objects.update(made)
            return item
    raise AssertionError


def exports():
    _, groups = snapshot()
    good = export([pack(groups)])
    yield "good", "ok", good, {"restore": "ok"}
    yield "nothing", "invalid", b""
    yield "another magic", "invalid", b"SNAPEXP2" + good[8:]
    yield "a tar archive", "invalid", bytes(1024)
    yield "no pack", "corrupt", b"SNAPEXP1" + bytes(8)
    yield "no end", "corrupt", good[:-8]
    yield "cut in a pack", "corrupt", good[:len(good) // 2]
    yield "trailing garbage", "corrupt", good + b"\0"
    for title, n in HUGE:
        yield f"a pack of {title} bytes", "corrupt", b"SNAPEXP1" + struct.pack("<Q", n) + good[16:]
    yield "64 MiB promised, nothing there", "corrupt", b"SNAPEXP1" + struct.pack("<Q", 64 << 20)
    yield "no record", "corrupt", export([pack([*groups[:2], groups[2][:1]])])
    yield "a record that is not last", "corrupt", export([pack([*groups[:2], groups[2][::-1]])])
    yield "no chunks", "incomplete", export([pack(groups[1:])])
    yield "no trees", "incomplete", export([pack([groups[0], groups[2]])])
    yield "no manifest", "incomplete", export([pack([*groups[:2], groups[2][1:]])])
    lie = pack(groups)
    lie = lie[:16] + bytes([lie[16] ^ 1]) + lie[17:]
    yield "a frame with another check", "corrupt", export([lie])
    at = 16 + sum(len(d) for group in groups for _, d in group)
    body, footer = lie[16:at], lie[at:-44]
    size = sum(len(d) for _, d in groups[0])
    footer = footer.replace(sha(b"".join(d for _, d in groups[0]))[:16], sha(body[:size])[:16])
    yield "an object that is not what it says", "corrupt", export([footer_pack(body, footer)])

    objects = Objects()
    bottom = tree([(b"f", plain(b"f", FILE, b"\0" + string(b"x")))], objects)
    yield "graph: a tree shared 2^40 times", "ok", stream_of(doubled(40, bottom, objects), objects), {
        "restore": "out_of_space"}
    objects = Objects()
    yield "graph: an empty tree shared 2^70 times", "ok", stream_of(
        doubled(70, tree([], objects), objects), objects), {"restore": "out_of_space"}
    objects = Objects()
    size, digest = endless_list(objects)
    file = plain(b"f", FILE, b"\0" + varint(size) + b"\1" + digest)
    yield "graph: a list of 2^60 chunks", "ok", stream_of(tree([(b"f", file)], objects), objects), {
        "restore": "out_of_space"}
    objects = Objects()
    node = list_node(0, [(65536, None)] * 1024)
    level0 = objects(LIST, node)
    top = objects(LIST, list_node(1, [(65536 * 1024, level0)] * 2))
    file = plain(b"f", FILE, b"\0" + varint(65536 * 2048 - 1) + b"\1" + top)
    yield "a list that adds up to another length", "corrupt", stream_of(tree([(b"f", file)], objects), objects)
    objects = Objects()
    deep = tree([], objects)
    for _ in range(2_000):
        deep = tree([(b"d", plain(b"d", DIRECTORY, deep, mode=0o755))], objects)
    yield "graph: 2,000 directories deep", "ok", stream_of(deep, objects), {"restore": "ok"}

    def linked(groups, change=lambda n: {}, kind=FILE):
        made = Objects()
        empty = tree([], made)
        payload = {FILE: b"\0" + string(b"x"), DIRECTORY: empty, BLOCK: b"\10\0"}[kind]
        top = tree([(n, plain(n, kind, payload, **change(n))) for n in (b"a", b"b")], made)
        chunk = link_table(groups)
        digest = chunk_list([(len(chunk), made(CHUNK, chunk))], made)
        return stream_of(top, made, {"length": len(chunk), "list": text(digest)})

    def long_path(size, leaves):
        """A link table that is one path without an end: names of a letter, in chunks of so many bytes, all but the first
        the same, in so many leaves of 1,024."""
        for letter in range(97, 123):
            made = Objects()
            top = tree([(n, plain(n)) for n in (b"a", b"b")], made)
            chunk = b"/%c" % letter * (size // 2)
            item = (size, made(CHUNK, chunk))
            total = size * 1024 * leaves
            head = b"\2" + varint(total - size + 1) + b"%c" % letter
            head += (chunk * 2)[:size + len(head) % 2 + 2 - len(head)] if len(head) < size else b""
            first = (len(head), made(CHUNK, head))
            nodes = [item] * 1024
            ends = tail(item[1]) & 255 == 0
            for level in range(3):
                first = (first[0] + (len(nodes) - 1) * item[0], made(LIST, list_node(level, [first, *nodes[1:]])))
                if leaves == 1:
                    break
                item = (len(nodes) * item[0], made(LIST, list_node(level, nodes)))
                ends = ends or 0 in (tail(first[1]) & 255, tail(item[1]) & 255)
                nodes = [item] * min(leaves, 1024)
                leaves = -(-leaves // 1024)
            if not ends:
                return stream_of(top, made, {"length": first[0], "list": text(first[1])})
        raise AssertionError

    yield "links: a path of 2^25 chunks of two bytes", "corrupt", long_path(2, 1 << 15)
    yield "links: a path of 2^25 names", "corrupt", long_path(4096, 16)
    yield "links: good", "ok", linked([[b"a", b"b"]]), {"restore": "ok"}
    yield "links: outside", "corrupt", linked([[b"../a", b"b"]])
    yield "links: absolute", "corrupt", linked([[b"/a", b"b"]])
    yield "links: missing", "ok", linked([[b"a", b"c"]]), {"restore": "corrupt"}
    yield "links: directories", "ok", linked([[b"a", b"b"]], kind=DIRECTORY), {"restore": "corrupt"}
    yield "links: that differ in mode", "ok", linked(
        [[b"a", b"b"]], lambda n: {"mode": 0o600 if n == b"a" else 0o644}), {"restore": "corrupt"}


# Tar archives

def members(*rows, form=tarfile.PAX_FORMAT):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=form) as tar:
        for name, fields in rows:
            info, data = tarfile.TarInfo(name), fields.pop("data", b"")
            info.size, info.mode, info.mtime = len(data), 0o644, 1_700_000_000
            for key, value in fields.items():
                setattr(info, key, value)
            tar.addfile(info, io.BytesIO(data))
    data = file.getvalue().rstrip(b"\0")
    return data + bytes(-len(data) % 512) + bytes(1024)


def sealed(archive, at=0, **fields):
    """The header at an offset with other fields, and the checksum that it needs then."""
    places = {"size": 124, "time": 136, "uid": 108, "name": 0, "type": 156, "magic": 257, "sparse": 386, "real": 483}
    block = bytearray(archive[at:at + 512])
    for key, value in fields.items():
        block[places[key]:places[key] + len(value)] = value
    block[148:156] = b" " * 8
    block[148:155] = b"%06o\0" % sum(block)
    return archive[:at] + bytes(block) + archive[at + 512:]


def pax(text_of_records):
    """A pax header with these bytes, then a file."""
    head = members(("x", {"type": b"x", "data": text_of_records}), form=tarfile.USTAR_FORMAT)[:-1024]
    return head + members(("f", {"data": b"abc"}), form=tarfile.USTAR_FORMAT)


def record_text(keyword, value):
    body = b" " + keyword + b"=" + value + b"\n"
    size = len(body) + 1
    while len(b"%d" % size) + len(body) != size:
        size += 1
    return b"%d" % size + body


def tars():
    good = members(("d/", {"type": b"5", "mode": 0o755}), ("d/f", {"data": b"x" * 600}),
                   ("h", {"type": b"1", "linkname": "d/f"}), ("s", {"type": b"2", "linkname": "../.."}))
    plain_file = members(("f", {"data": b"abc"}), form=tarfile.USTAR_FORMAT)
    yield "good", "ok", good
    yield "nothing", "corrupt", b""
    yield "gzip", "invalid", b"\x1f\x8b\x08" + bytes(600)
    yield "noise", "invalid", counter("tar", 1024)
    yield "a header cut", "corrupt", good[:300]
    yield "no end mark", "corrupt", good[:-1024]
    yield "cut in a file", "corrupt", good[:1400]
    yield "a wrong checksum", "corrupt", good[:600] + bytes([good[600] ^ 1]) + good[601:]
    yield "a member after zeros", "corrupt", good[:-1024] + bytes(512) + good
    for title, name in (("dot dot", "../x"), ("dot dot within", "a/../../x"), ("dot dot at the end", "a/..")):
        yield f"path {title}", "invalid", members((name, {}))
    yield "absolute path", "ok", members(("/etc/passwd", {}))
    yield "a path below a file", "invalid", members(("a", {}), ("a/b", {}))
    yield "a path below a link", "invalid", members(("a", {"type": b"2", "linkname": "/etc"}), ("a/b", {}))
    yield "name of 255 bytes", "ok", members(("x" * 255, {}))
    yield "name of 256 bytes", "invalid", members(("x" * 256, {}))
    yield "path of 70,000 bytes", "invalid", members(("x/" * 35_000 + "f", {}))
    yield "a hard link to nothing", "invalid", members(("a", {"type": b"1", "linkname": "b"}))
    yield "a hard link to itself", "invalid", members(("a", {"type": b"1", "linkname": "a"}))
    yield "a hard link to a directory", "invalid", members(
        ("d/", {"type": b"5"}), ("a", {"type": b"1", "linkname": "d"}))
    yield "a hard link to the outside", "invalid", members(("a", {"type": b"1", "linkname": "../../etc/passwd"}))
    yield "a symbolic link to nothing", "invalid", members(("a", {"type": b"2", "linkname": ""}))
    yield "a symbolic link of 4,096 bytes", "invalid", members(("a", {"type": b"2", "linkname": "x" * 4096}))
    yield "user id 2^32-1", "invalid", pax(record_text(b"uid", b"4294967295"))
    yield "user id 2^64", "corrupt", pax(record_text(b"uid", b"18446744073709551616"))
    second = members(("e", {}), ("f", {"data": b"abc"}), form=tarfile.USTAR_FORMAT)
    yield "a negative size first", "invalid", sealed(plain_file, size=b"\xff" * 12)
    yield "a negative size", "corrupt", sealed(second, 512, size=b"\xff" * 12)
    yield "a size of 2^63 - 1", "invalid", sealed(plain_file, size=b"\x80\0\0\0" + b"\x7f" + b"\xff" * 7)
    yield "a size of over 63 bits", "corrupt", sealed(second, 512, size=b"\x80" + b"\xff" * 11)
    yield "a time that is no number", "corrupt", sealed(second, 512, time=b"9" * 11)
    yield "a volume name of 2^63 - 1 bytes", "corrupt", sealed(
        plain_file, type=b"V", size=b"\x80\0\0\0" + b"\x7f" + b"\xff" * 7)
    for title, data in (("no length", b"path=x\n"), ("length 0", b"0 path=x\n"), ("length beyond", b"99 path=x\n"),
                        ("no end", b"9 path=xx"), ("no equals", b"8 pathx\n"), ("length 2^64", b"18446744073709551616 a=b\n"),
                        ("length of 1,000 digits", b"9" * 1000 + b" a=b\n")):
        yield f"pax record: {title}", "corrupt", pax(data)
    yield "pax record: NUL in a path", "invalid", pax(record_text(b"path", b"a\0b"))
    yield "pax record: a time that is none", "corrupt", pax(record_text(b"mtime", b"1e9"))
    yield "pax record: a time before all", "ok", pax(record_text(b"mtime", b"-9223372036854775807.9"))
    yield "pax header of 8 MiB and more", "invalid", sealed(pax(b"6 a=b\n"), size=b"%011o\0" % ((8 << 20) + 1))
    yield "pax header with nothing after it", "corrupt", pax(record_text(b"path", b"x"))[:1024] + bytes(1024)
    yield "an attribute of 65,537 bytes", "invalid", pax(record_text(b"SCHILY.xattr.user.a", bytes(65537)))
    for title, value in (("overlap", b"0,2,1,2"), ("beyond the file", b"0,3,4,9"), ("overflow", b"%d,2" % M64),
                         ("half a pair", b"0,1,2"), ("no number", b"0,x"), ("out of order", b"4,1,0,1")):
        yield f"sparse map: {title}", "corrupt", pax(
            record_text(b"GNU.sparse.size", b"5") + record_text(b"GNU.sparse.map", value))
    yield "sparse map: a file of 2^64-1", "invalid", pax(
        record_text(b"GNU.sparse.size", b"%d" % M64) + record_text(b"GNU.sparse.map", b"0,3"))
    yield "sparse map: a hole of 2^60 - 3", "ok", pax(
        record_text(b"GNU.sparse.size", b"%d" % (1 << 60)) + record_text(b"GNU.sparse.map", b"0,3"))
    yield "GNU sparse header that goes on without end", "corrupt", sealed(
        plain_file, type=b"S", magic=b"ustar  \0", sparse=b"\0" * 96 + b"\1")[:512]
    yield "several volumes", "invalid", sealed(plain_file, type=b"M")


def formats():
    good = b"snapstore 1\nstore " + b"0a" * 16 + b"\nchunker fastcdc-1\n"
    yield "good", "ok", good
    yield "nothing", "corrupt", b""
    yield "other text", "corrupt", b"hello\n"
    yield "not UTF-8", "corrupt", b"\xff\xfe" + good
    yield "version 2", "invalid", good.replace(b"1", b"2", 1)
    yield "version 1 with a space", "invalid", good.replace(b"1\n", b"1 \n", 1)
    yield "carriage returns", "invalid", good.replace(b"\n", b"\r\n")
    yield "another profile", "invalid", good.replace(b"fastcdc-1", b"fastcdc-2")
    yield "an identity in capitals", "corrupt", good.replace(b"0a", b"0A")
    yield "an identity cut short", "corrupt", good.replace(b"0a\n", b"0\n")
    yield "a line more", "corrupt", good + b"more\n"
    yield "no end of line", "corrupt", good[:-1]
    yield "5,000 bytes", "io", good + b"x" * 5000


def stat_caches():
    def note(shared, rest, payload=plain(b"", FILE, b"\0\3abc")):
        return (varint(shared) + string(rest) + varint(5) + varint(3) + zigzag(0) + b"\0\1" + string(root(payload)))

    def block(data, size=None, check=None):
        return struct.pack("<I", len(data) if size is None else size) + (check or sha(data)[:16]) + data

    magic = b"SNAPSTAT 1\n"
    for why, data in (
            ("nothing", b""), ("another magic", b"SNAPSTAT 2\n" + block(note(0, b"f"))), ("only the magic", magic),
            ("cut in a head", magic + block(note(0, b"f"))[:10]), ("cut in a block", magic + block(note(0, b"f"))[:-1]),
            ("a wrong check", magic + block(note(0, b"f"), check=bytes(16))),
            ("a block of 2^32 - 1 bytes", magic + block(note(0, b"f"), size=M64 >> 32)),
            ("a block of no bytes", magic + block(b"")),
            ("an entry cut", magic + block(note(0, b"f")[:-1])),
            ("more shared than there was", magic + block(note(9, b"f"))),
            ("2^64-1 shared", magic + block(note(M64, b"f"))),
            ("a path of 2^63 bytes", magic + block(b"\0" + varint(1 << 63))),
            ("a directory", magic + block(note(0, b"f", plain(b"", DIRECTORY, sha(b"x"))))),
            ("the same path for ever", magic + block(note(0, b"a") + note(1, b"") * 500)),
            ("trailing garbage", magic + block(note(0, b"f")) + b"garbage")):
        yield why, "ignored", data


def references():
    for why, data in (
            ("empty", b""), ("dot", b"."), ("dot dot", b".."), ("path", b"../../etc/passwd"), ("two slashes", b"a/b/c"),
            ("capitals", b"Base"), ("space", b"a b"), ("newline", b"a\n"), ("escape", b"\x1b[2Ja"), ("NUL", b"a\0"),
            ("129 characters", b"g" * 129), ("a tag of 129", b"a:" + b"t" * 129), ("empty tag", b"a:"),
            ("tag with a dot first", b"a:.x"), ("no digest", b"a@"), ("short digest", b"a@sha256:00"),
            ("digest in capitals", b"sha256:" + b"A" * 64), ("digest of 65", b"sha256:" + b"a" * 65),
            ("right-to-left", "a\u202eb".encode()), ("combining", "a\u0301".encode()), ("a megabyte", b"a" * (1 << 16))):
        yield why, "range", data
    yield "128 characters", "ok", b"g" * 128


def environments():
    yield "good", "ok", b"A=1\n# no\n\nB=\xff\n"
    yield "no equals", "range", b"A=1\nB\n"
    yield "no name", "range", b"=x"
    yield "NUL", "range", b"A=\0"
    yield "NUL in a name", "range", b"A\0=1"


def excludes():
    """Lines of patterns; they are matched with a path of 200 times `a`, and must be done with it soon."""
    yield "a bracket never closed", "ok", b"[a-\n[[:alpha:\n[]\n[!]\n\\\n"
    yield "many stars", "ok", b"*a" * 100 + b"b\n"
    yield "many depths", "ok", b"**/a/" * 100 + b"b\n"
    yield "not UTF-8", "ok", b"\xff*\n[\x80-\xff]\n"


KINDS = {"tree": trees, "list": lists, "links": links, "manifest": manifests, "record": records, "frame": frames,
         "pack": packs, "export": exports, "tar": tars, "format": formats, "stat-cache": stat_caches,
         "reference": references, "environment": environments, "exclude": excludes}


def main():
    files, index = os.path.join(HERE, "files"), []
    shutil.rmtree(files, ignore_errors=True)
    os.makedirs(files)
    for kind, make in KINDS.items():
        for number, (why, code, data, *more) in enumerate(make()):
            name = f"{kind}-{number:02}"
            with open(os.path.join(files, name), "wb") as file:
                file.write(data)
            index.append({"file": name, "kind": kind, "why": why, "code": code} | (more[0] if more else {}))
    with open(os.path.join(HERE, "index.json"), "w") as file:
        file.write("[\n" + ",\n".join(map(json.dumps, index)) + "\n]\n")


main()
