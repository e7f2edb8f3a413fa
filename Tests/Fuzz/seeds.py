"""What each fuzz target begins with: the golden vectors, what must be refused, the corpus, and a few of its own."""
import io
import json
import os
import sys
import tarfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path += [os.path.join(HERE, "..", "Golden")]
from golden import *  # noqa: E402
import refused  # noqa: E402
import vectors  # noqa: E402


def corpus(kind):
    """Files of Tests/Corpus that are for this kind of decoder."""
    directory = os.path.join(HERE, "..", "Corpus")
    with open(os.path.join(directory, "index.json")) as file:
        rows = json.load(file)
    for row in rows:
        if row["kind"] == kind:
            with open(os.path.join(directory, "files", row["file"]), "rb") as file:
                data = file.read()
            if len(data) <= 1 << 16:
                yield data


def bad(kind):
    """Golden encodings that must be refused."""
    makers = {"tree": refused.bad_trees, "root": refused.bad_roots, "list": refused.bad_lists,
              "links": refused.bad_links, "manifest": refused.bad_manifests, "record": refused.bad_records,
              "pack": refused.bad_packs, "entry": refused.bad_entries}
    return [data for _, data in makers[kind]() if len(data) <= 1 << 14]


def entries():
    for row in vectors.entries():
        if "hex" in row["encoded"] and row["name"]:
            yield bytes.fromhex(row["encoded"]["hex"])


def tree():
    all_entries = sorted(entries(), key=lambda e: e[1:1 + e[0]])
    for e in all_entries:
        yield tree_node(0, [e])
    yield tree_node(0, all_entries[:5])
    yield tree_node(3, [string(b"m") + sha(b"a"), string(b"n") + sha(b"b")])
    yield tree_node(0, [])
    for data in bad("entry"):
        yield tree_node(0, [data])
    for _, data in refused.contents():
        yield tree_node(0, [refused.plain(b"f", FILE, data)])
    yield from bad("tree")


def root_nodes():
    for row in vectors.entries():
        if "root" in row and "hex" in row["root"]:
            yield bytes.fromhex(row["root"]["hex"])
    yield from bad("root")
    for e in entries():
        yield root(string(b"") + e[1 + e[0]:])


def lists():
    yield list_node(0, vectors.segment_rule(17, 0, True))
    yield list_node(0, vectors.segment_rule(70, 2, True))
    yield list_node(2, [(70_000, sha(b"%d" % i)) for i in range(3)])
    yield from bad("list")


def links_tables():
    for piece in (0, 2, 255):
        for groups in ([[b"a", b"b"]], [[b"a/b", b"a-b"], [b"a.b/c", b"a/a", b"\xff\n"], [b"a/\x1b", b"a!"]]):
            yield bytes([piece]) + link_table(groups)
        for data in bad("links"):
            yield bytes([piece]) + data


def json_texts(kind):
    for row in vectors.json_objects()[kind + "s"]:
        yield row["text"].encode()
    yield from bad(kind)


def packs():
    good = bytes.fromhex(vectors.packs()["hex"])
    for data in [good, *bad("pack")]:
        yield b"\1" + data
        if len(data) > 60 and data[-8:] == b"KCAPPANS":
            length = struct.unpack("<I", data[-44:-40])[0]
            if length <= len(data) - 60:
                frames = data[16:len(data) - 44 - length]
                yield b"\0" + struct.pack("<H", len(frames)) + frames + data[len(data) - 44 - length:-44]


def zstd(blocks, size=None, window=None, dictionary=b"", reserved=0):
    """A zstd frame of raw or repeated blocks (RFC 8878)."""
    flag = {0: 0, 1: 1, 2: 2, 4: 3}[len(dictionary)]
    head = bytes([(0 if size is None else 0x80) | (0x20 if window is None else 0) | reserved | flag])
    head += (b"" if window is None else bytes([window])) + dictionary
    head += b"" if size is None else struct.pack("<I", size)
    body = b""
    for number, (kind, count, data) in enumerate(blocks):
        body += struct.pack("<I", count << 3 | kind << 1 | (number == len(blocks) - 1))[:3] + data
    return b"\x28\xb5\x2f\xfd" + head + body


def frames():
    number = lambda n: struct.pack("<I", n)[:3]
    yield b"\0" + number(5) + b"hello"
    yield b"\1" + number(1000) + zstd([(1, 1000, b"\7")], 1000)
    yield b"\1" + number(1000) + zstd([(1, 1000, b"\7")], 1000, window=13 << 3)
    yield b"\1" + number(1000) + zstd([(1, 1000, b"\7")], 1000, dictionary=b"\1")
    yield b"\1" + number(1000) + zstd([(1, 1000, b"\7")], 1000, window=31 << 3)
    yield b"\1" + number(1000) + zstd([(0, 500, bytes(500)), (1, 500, b"x")], 1000)
    yield b"\1" + number(0xFFFFFF) + zstd([(1, 131072, b"\7")] * 127 + [(1, 131071, b"\7")], 0xFFFFFF)
    yield from (b"\1" + number(1000) + data for data in corpus("frame"))


def exports():
    digest, groups = vectors.snapshot()
    objects = [o for group in groups for o in group]
    seen, out = [], []
    for number, (kind, data) in enumerate(objects):
        for index, known in enumerate(seen):
            data = data.replace(text(known).encode(), b"@?%c" % (48 + index)).replace(known, b"@!%c" % (48 + index))
        seen.append(sha(objects[number][1]))
        out.append((kind, data))
    join = lambda rows: b"".join(bytes([k]) + struct.pack("<H", len(d)) + d for k, d in rows)
    yield b"\0" + join(out)
    yield b"\0" + join([(k | (0x80 if i % 3 == 2 else 0), d) for i, (k, d) in enumerate(out)])
    yield b"\1" + export([pack(groups)])
    yield b"\1" + export([pack(groups[:1]), pack(groups[1:])])
    record = canonical(vectors.RECORD_FIELDS | {"manifest": "@?3"})
    manifest = b'{"format":1,"kind":"directory","root":"@?2"}'
    sub = refused.plain(b"d", DIRECTORY, b"@!0", 0o755)
    yield b"\0" + join([(TREE, tree_node(0, [])), (TREE, tree_node(0, [sub, sub.replace(b"d", b"e", 1)])),
                        (TREE, root(refused.plain(b"", DIRECTORY, b"@!1", 0o755))), (MANIFEST, manifest),
                        (RECORD, record)])
    chunk, many = bytes(100), b"".join(varint(200) + b"@!0" for _ in range(17))
    leaf = b"L\1\0" + varint(17) + many
    file = refused.plain(b"f", FILE, b"\0" + varint(1700) + b"\1@!1")
    yield b"\0" + join([(CHUNK, chunk), (LIST, leaf), (TREE, tree_node(0, [file])),
                        (TREE, root(refused.plain(b"", DIRECTORY, b"@!2", 0o755))),
                        (MANIFEST, manifest.replace(b"@?2", b"@?3")), (RECORD, record.replace(b"@?3", b"@?4"))])
    yield from (b"\0" + join(rows + [
        (TREE, root(refused.plain(b"", DIRECTORY, b"@!%c" % (47 + len(rows)), 0o755))),
        (MANIFEST, manifest.replace(b"@?2", b"@?%c" % (48 + len(rows)))),
        (RECORD, record.replace(b"@?3", b"@?%c" % (49 + len(rows))))]) for rows in graphs())
    for table in (link_table([[b"a", b"b"]]), link_table([[b"a", b"c"]]), b"\2" + varint(4200) + b"a" + b"/a" * 2099,
                  link_table([[b"a", b"b"]])[:-1]):
        for segments in ([(len(table), b"@!0")], [(len(table) + 1, b"@!0")], [(len(table), None)],
                         [(len(table), b"@!0"), (4, b"@!0")], [(4, b"@!0"), (len(table), b"@!0")]):
            node = b"L\1\0" + varint(len(segments)) + b"".join(
                varint(n << 1 | (not d)) + (d or b"") for n, d in segments)
            links = b'"links":{"length":%d,"list":"@?1"},' % sum(n for n, _ in segments)
            yield b"\0" + join([(CHUNK, table), (LIST, node), (TREE, tree_node(0, [refused.plain(b"a"), refused.plain(b"b")])),
                                (TREE, root(refused.plain(b"", DIRECTORY, b"@!2", 0o755))),
                                (MANIFEST, manifest.replace(b'"root"', links + b'"root"').replace(b"@?2", b"@?3")),
                                (RECORD, record.replace(b"@?3", b"@?4"))])
    yield from (b"\1" + data for data in corpus("export"))


def graphs():
    """Directories and lists of several nodes, right and wrong, each with the top of the root's tree last."""
    end = next(b"h%d" % i for i in range(10**6) if tail(sha(b"h%d" % i)) & 127 == 0)
    ended, early, last = (tree_node(0, [refused.plain(n)]) for n in (end, b"a", b"z"))
    index = lambda level, *names: tree_node(level, [string(n) + b"@!%c" % (48 + i) for i, n in enumerate(names)])
    for first, node in ((ended, index(1, end, b"z")), (ended, index(1, b"hx", b"z")), (early, index(1, b"a", b"z")),
                        (ended, index(2, end, b"z")), (ended, index(1, end)), (last, index(1, b"z", b"z"))):
        yield [(TREE, first), (TREE, last), (TREE, node)]
    full, part = (list_node(0, [(65536, None)] * n) for n in (1024, 17))
    for leaves, level, sizes in (((full, part), 1, (1024, 17)), ((full, part), 1, (1024, 18)), ((part, part), 1, (17, 17)),
                                 ((full, full), 1, (1024, 1024)), ((full, part), 2, (1024, 17)), ((part, part), 1, (17,))):
        node = b"L\1" + bytes([level, len(sizes)]) + b"".join(
            varint(n * 65536) + b"@!%c" % (48 + i) for i, n in enumerate(sizes))
        file = refused.plain(b"f", FILE, b"\0" + varint(sum(sizes) * 65536) + b"\1@!2")
        yield [*((LIST, leaf) for leaf in leaves), (LIST, node), (TREE, tree_node(0, [file]))]


def archive(form, add):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=form) as tar:
        add(tar)
    return file.getvalue()


def member(tar, name, kind=tarfile.REGTYPE, data=b"", **fields):
    info = tarfile.TarInfo(name)
    info.type, info.size, info.mtime, info.mode = kind, len(data), 1_700_000_000, 0o644
    for key, value in fields.items():
        setattr(info, key, value)
    tar.addfile(info, io.BytesIO(data))


def tars():
    def tree_of_all(tar):
        member(tar, "./", tarfile.DIRTYPE, mode=0o755)
        member(tar, "a/b", data=b"x" * 700)
        member(tar, "c", tarfile.LNKTYPE, linkname="a/b")
        member(tar, "s", tarfile.SYMTYPE, linkname="../x")
        member(tar, "n", tarfile.CHRTYPE, devmajor=1, devminor=3)
        member(tar, "p", tarfile.FIFOTYPE)
        member(tar, "l" * 120, data=b"long")
        member(tar, "m", tarfile.SYMTYPE, linkname="t" * 130)
        member(tar, "u", uid=1 << 24, gid=1 << 22, mtime=-5)

    def extended(**records):
        return lambda tar: member(tar, "f", data=b"abc", pax_headers={k.replace("__", "."): v for k, v in records.items()})

    sparse = b"1\n512\n3\n".ljust(512, b"\0") + b"abc".ljust(512, b"\0")[:3]
    rows = [archive(form, tree_of_all) for form in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT)]
    rows += [archive(tarfile.PAX_FORMAT, extended(**records)) for records in (
        {"mtime": "-1.25", "uid": "5", "path": "x/y", "SCHILY__xattr__user__a": "v"},
        {"SCHILY__acl__access": "user::rw-,user:0:r--,group::r--,mask::r--,other::r--", "SCHILY__devmajor": "1"},
        {"LIBARCHIVE__xattr__user__a": "dg", "RHT__security__selinux": "x"},
        {"GNU__sparse__size": "5", "GNU__sparse__map": "0,1,3,2"},
        {"GNU__sparse__size": "5", "GNU__sparse__offset": "2", "GNU__sparse__numbytes": "3"},
        {"size": "3", "linkpath": "q", "hdrcharset": "BINARY"})]
    def pax(*records, kind=tarfile.REGTYPE, head=(), data=b"abc"):
        """A file after records as they stand, and before these the records of a global header."""
        with_length = lambda r: next(b"%d %s\n" % (n, r) for n in range(len(r), len(r) + 9) if len(b"%d %s\n" % (n, r)) == n)
        lines = [b"".join(map(with_length, group)) for group in (head, records)]
        return archive(tarfile.USTAR_FORMAT, lambda tar: [
            *(member(tar, "h", form, line) for form, line in zip((b"g", b"x"), lines) if line),
            member(tar, "f", kind, data)])

    rows += [pax(b"SCHILY.acl.default=user::rwx,group::r-x,other::r-x", kind=tarfile.DIRTYPE, data=b""),
             pax(b"SCHILY.devmajor=1", b"SCHILY.devminor=3", kind=tarfile.CHRTYPE, data=b""),
             pax(b"SCHILY.xattr.user.a%3Db%25=v", b"SCHILY.xattr.user.%zz%=", b"SCHILY.xattr.user.%3d%aF=x"),
             pax(b"SCHILY.xattr.user.a=", b"uid=", b"mtime=", head=(b"SCHILY.xattr.user.a=1", b"uid=7", b"mtime=3.5", b"gid=9",
                                                                    b"GNU.sparse.size=5", b"comment=x")),
             pax(b"size=3", head=(b"SCHILY.xattr.user.a=1", b"SCHILY.xattr.user.a=", b"gname=x")),
             pax(b"RHT.security.selinux=l", b"linkpath=y", b"comment=c", b"GNU.sparse.other=1"),
             *(pax(r) for r in (b"mtime=x", b"uid=x", b"SCHILY.devminor=x", b"GNU.sparse.numbytes=3", b"GNU.sparse.map=1,",
                                b"GNU.sparse.size=", b"GNU.sparse.major=", b"=x", b"x")),
             pax(b"GNU.sparse.offset=0", b"GNU.sparse.numbytes=1", b"GNU.sparse.offset=4", b"GNU.sparse.numbytes=2",
                 b"GNU.sparse.size=9"),
             pax(b"GNU.sparse.offset=0", b"GNU.sparse.numbytes="),
             *(pax(b"path=" + path, b"GNU.sparse.name=" + name, b"GNU.sparse.size=3", b"GNU.sparse.map=0,3")
               for path, name in ((b"d/GNUSparseFile.1/" + b"x" * 100, b"d/x"), (b"d/" + b"x" * 120, b"d/" + b"x" * 98),
                                  (b"y", b"x")))]
    rows.append(archive(tarfile.PAX_FORMAT, lambda tar: member(tar, "f", data=sparse, pax_headers={
        "GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "real", "GNU.sparse.realsize": "600"})))
    block = bytearray(archive(tarfile.GNU_FORMAT, lambda tar: member(tar, "old", tarfile.GNUTYPE_SPARSE, b"abc"))[:1024])
    block[386:410] = b"%011o\0%011o\0" % (512, 3)
    block[483:495] = b"%011o\0" % 600
    rows.append(bytes(block) + bytes(1024))
    rows += corpus("tar")
    for data in rows:
        short = data.rstrip(b"\0")
        short += bytes(-len(short) % 512)
        for form in (b"\1", b"\0"):
            yield form + short + bytes(1024)


def stat_caches():
    def note(shared, rest, content=b"\0\3abc", inode=5):
        entry = root(string(b"") + b"\1" + varint(0o644) + b"\0\0" + zigzag(1_700_000_000) + b"\0\0" + content)
        return varint(shared) + string(rest) + varint(inode) + varint(3) + zigzag(1_700_000_000) + b"\0\1" + string(entry)

    block = lambda data: struct.pack("<H", len(data)) + data
    yield b"\0" + block(note(0, b"a/b") + note(2, b"c") + note(3, b"d"))
    yield b"\0" + block(note(0, b"a")) + block(note(0, b"b", b"\0" + varint(65) + b"\0\1" + segment(65, sha(b"x"))))
    yield b"\0" + block(note(9, b"a")) + block(b"")
    yield b"\0" + block(note(0, b"a", b"") + b"\1")
    for data in corpus("stat-cache"):
        yield b"\1" + data


def rows():
    """Text as the store writes it into rows of its catalogue, and names as it gives them to files."""
    commit = {"name": "n", "tag": "t", "ifMatch": {"manifest": {"_0": vectors.DIGEST}}, "force": False,
              "manifest": vectors.DIGEST, "object": vectors.DIGEST, "kind": "directory", "parent": "0a" * 16,
              "creator": "c", "labels": [{"key": "k", "value": "v"}], "createdMilliseconds": 1, "logicalBytes": 1,
              "uniqueBytes": 1, "storedBytes": 1, "fileCount": 1, "chunkCount": 1, "expiresMilliseconds": 5}
    for change in ({}, {"ifMatch": {"none": {}}}, {"tag": None}, {"manifest": "x"}, {"logicalBytes": 1 << 63},
                   {"name": 1}, {"labels": {}}):
        yield b"\0" + json.dumps({"org": 1, "cause": "create", "commit": commit | change}).encode()
    yield b"\0" + json.dumps({"org": 1, "cause": "delete"}).encode()
    for tags, labels in (([], []), ([{"name": "n", "tag": "t"}], [{"key": "k", "value": "v"}]), ([1], []), ({}, "")):
        yield b"\1" + json.dumps(tags).encode() + b"\0" + json.dumps(labels).encode()
    yield b"\1[]\0[]\xff"
    for name in (b"catalogue-17.sqlite", b"catalogue--1.sqlite", b"0a" * 16, b"0A" * 16, b"catalogue-99999999999999999999.sqlite"):
        yield b"\2" + name


def seeds(name):
    makers = {
        "Tree": tree, "Root": root_nodes, "List": lists, "Links": links_tables,
        "Manifest": lambda: json_texts("manifest"), "Record": lambda: json_texts("record"), "Pack": packs,
        "Frame": frames, "Export": exports, "Tar": tars, "StatCache": stat_caches,
        "Reference": lambda: [t.encode() for t in (
            "base", "org/base:v1", "base:latest@" + vectors.DIGEST, vectors.DIGEST, "0123abcd", "f" * 32, "a" * 64,
            "A", "a/b/c", "a:", "@", "sha256:x", "a\u0301:B_1.-")],
        "Format": lambda: [b"snapstore 1\nstore " + b"0a" * 16 + b"\nchunker fastcdc-1\n", *corpus("format")],
        "Exclude": lambda: [p + b"\0" + path for p in (
            b"*.o", b"/build/", b"!a\n*", b"**/x/**", b"a/**/b", b"[a-c]?[!x]", b"[[:alpha:]_]*", b"\\#a", b"#x\n\\ ")
            for path in (b"a/b/c.o", b"build", b"ab/x")] + [b"[", b"[[:nope:]]\0a", b"\\"],
        "Arguments": lambda: [t.encode() for t in (
            "2026-11-24", "2026-11-24 12:00:00", "2024-02-29T23:59Z", "@-5", "30m", "24h", "100000d", "+10M", "-4k", "0",
            "5%", "100.0%", "1e2%", "keep", "EPOCH", "@17", "0:0", "4294967294:1", "tools:1:etc/motd", "sha256:" + "0" * 64
            + ":x", "it's", "a\\b", "x y\n", "\u202e", "\U0010fe80")] + [b"\xff\xfe", b"tools:\xff", b""],
        "Names": lambda: [b"\0" + b"/".join(n) for n in (
            [b"a"], [b".", b"..", b"b", b"a"], [b"...", b".x", b"x" * 255], [b""], [b"\xff", b"a\0b"])] + [
            b"\1" + bytes(16) + struct.pack("<HB", 24, 8) + b"ab\0\0\0" + bytes(16) + struct.pack("<HB", 32, 4) + b"c" * 13],
        "Rows": rows,
        "Environment": lambda: [b"A=1\nB=2\r\n# c\n\n C=\"x\"\nA=3\n", b"A", b"=x", b"A=\0"],
    }
    return makers[name]()
