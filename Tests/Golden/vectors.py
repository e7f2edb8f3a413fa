"""The inputs of vectors.json and, through golden.py, what they must become. README.md explains the fields."""
import json
import re
import struct

from golden import *

NAMED_TIME = (1_700_000_000, 123_456_789)


def counter(seed, n):
    """The first n bytes of SHA-256(seed "/0") SHA-256(seed "/1") …"""
    return b"".join(sha(b"%s/%d" % (seed.encode(), i)) for i in range((n + 31) // 32))[:n]


def build(pieces):
    out = []
    for rule, value, *count in pieces:
        if rule == "hex":
            out.append(bytes.fromhex(value))
        elif rule == "zeros":
            out.append(bytes(value))
        elif rule == "random":
            out.append(counter(value, count[0]))
        elif rule == "repeat":
            unit = bytes.fromhex(value)
            out.append((unit * (count[0] // len(unit) + 1))[:count[0]])
    return b"".join(out)


def pieces_of(data):
    """Pieces that build the data: runs of one byte are repeats."""
    pieces, at = [], 0
    for run in re.finditer(rb"(.)\1{63,}", data, re.DOTALL):
        if run.start() > at:
            pieces.append(["hex", data[at:run.start()].hex()])
        pieces.append(["repeat", run[1].hex(), len(run[0])])
        at = run.end()
    return pieces + ([["hex", data[at:].hex()]] if at < len(data) else [])


def short(data):
    """How an expected encoding is given: in full when small."""
    return {"length": len(data), "sha256": sha(data).hex()} | ({"hex": data.hex()} if len(data) <= 2048 else {})


class Objects(dict):
    def emit(self, kind, data):
        self[kind, sha(data)] = data
        return sha(data)

    def listed(self, kind):
        return sorted(([len(d), h.hex()] for (k, h), d in self.items() if k == kind), key=lambda x: x[1])


def varints():
    values = [0, 1, 127, 128, 16383, 16384, 300, 1 << 32, (1 << 53) + 1, (1 << 63) - 1, 1 << 63, M64]
    signed = [0, -1, 1, -2, 63, -64, 64, -2**31, 2**31, 2**63 - 1, -2**63]
    return {"unsigned": [[str(v), varint(v).hex()] for v in values],
            "zigzag": [[str(v), zigzag(v).hex()] for v in signed],
            "refused": ["", "80", "8000", "ff80", "818000", "ffffffffffffffffff02", "8080808080808080808001",
                        "ffffffffffffffffffff00", "ffffffffffffffffff"]}


def chunks():
    zeros, odd = ["zeros", 65536], ["random", "edge", 5000]
    streams = {
        "all zeros, 1 MiB": [["zeros", 1 << 20]], "all zeros, 64 KiB": [zeros], "all zeros, 65,535": [["zeros", 65535]],
        "all zeros, 65,537": [["zeros", 65537]], "all zeros, 65": [["zeros", 65]], "all zeros, 64": [["zeros", 64]],
        "empty": [], "random 64": [["random", "a", 64]], "random 65": [["random", "a", 65]],
        "random min - 1": [["random", "b", MIN - 1]], "random min": [["random", "b", MIN]],
        "random min + 1": [["random", "b", MIN + 1]], "random max": [["random", "c", MAX]],
        "random max + 1": [["random", "c", MAX + 1]], "random 1 MiB": [["random", "d", 1 << 20]],
        "random 3,000,001": [["random", "e", 3_000_001]],
        "one byte, 300,000": [["repeat", "61", 300_000]], "period 3": [["repeat", "616263", 300_000]],
        "period 61": [["repeat", counter("p", 61).hex(), 300_000]],
        "period 5,000": [["repeat", counter("q", 5000).hex(), 300_000]],
        "period 40,000": [["random", "r", 40_000]] * 8,
        "zeros aligned, 65,536": [["random", "f", 8192], zeros, ["random", "g", 30_000]],
        "zeros aligned, 65,535": [["random", "f", 8192], ["zeros", 65535], ["hex", "01"], ["random", "g", 30_000]],
        "zeros aligned, 65,537": [["random", "f", 8192], ["zeros", 65537], ["random", "g", 30_000]],
        "zeros unaligned, 65,536": [odd, zeros, ["random", "g", 30_000]],
        "zeros unaligned, one byte short of 16 whole blocks": [odd, ["zeros", 65536 + 3192 - 1], ["random", "g", 99]],
        "zeros unaligned, exactly 16 whole blocks": [odd, ["zeros", 3192 + 65536], ["random", "g", 99]],
        "zeros to the end, short last block": [["random", "h", 4096], ["zeros", 65536 + 7]],
        "zeros to the end, 65,535": [["random", "h", 4096], ["zeros", 65535]],
        "zeros first": [zeros, ["random", "i", 100]],
        "zeros first, one short": [["zeros", 65535], ["random", "i", 100]],
        "two zero runs, one block between": [zeros, ["random", "j", 4096], zeros, ["hex", "01"]],
        "zero runs and chunks, 17 segments": [["random", "k", 4096], zeros] * 8 + [["random", "l", 4096]],
        "zero runs and chunks, 16 segments": [["random", "k", 4096], zeros] * 8,
        "the chunker starts anew": [["random", "m", 100_000], ["zeros", 69_632], ["random", "n", 100_000]],
        "sparse 64 MiB": [["random", "s", 70_001], ["zeros", 40_000_000], ["random", "t", 4097], ["zeros", 27_034_766]],
    }
    vectors = []
    for name, pieces in streams.items():
        data = build(pieces)
        for cut in (CDC, PAGES):
            objects = Objects()
            parts = list(segments(data, len(data), cut)) if len(data) > INLINE_MAX else []
            encoded = content_of(data, cut, objects.emit)
            vectors.append({
                "name": name, "cut": cut, "pieces": pieces, "bytes": len(data), "sha256": sha(data).hex(),
                "sizes": [-size if digest is None else size for size, digest in parts],
                "segments": sha(b"".join(segment(*p) for p in parts)).hex(),
                "content": short(encoded), "lists": objects.listed(LIST)})
    return vectors


def segment_rule(count, zero_every, splits):
    """Segment i: every zero_every-th is 65,536 zeros; else a chunk of i % 1000 + 1 bytes whose digest is
    SHA-256("segment/i/a") for the least a >= 0 such that, unless `splits`, the tail's low 8 bits are not all 0."""
    out = []
    for i in range(count):
        attempt = 0
        while not splits and tail(sha(b"segment/%d/%d" % (i, attempt))) & 255 == 0:
            attempt += 1
        zero = zero_every and i % zero_every == zero_every - 1
        out.append((65536, None) if zero else (i % 1000 + 1, sha(b"segment/%d/%d" % (i, attempt))))
    return out


def lists():
    vectors = []
    for count in (16, 17, 63, 64, 65, 500, 1023, 1024, 1025, 2048, 2049, 3000, 300_000):
        for zero_every, splits in ((0, True), (0, False), (2, True)):
            if count == 300_000 and not (splits and zero_every == 0):
                continue
            objects, parts = Objects(), segment_rule(count, zero_every, splits)
            length = sum(size for size, _ in parts)
            encoded = content(CDC, length, parts=parts, emit=objects.emit)
            nodes = objects.listed(LIST)
            vectors.append({"count": count, "zeroEvery": zero_every, "splits": splits, "length": length,
                            "content": short(encoded), "nodes": len(nodes),
                            "nodesSHA256": sha("".join(h for _, h in nodes).encode()).hex()})
    return vectors


def rule_names(count, splits):
    """f00000000, f00000001, …: the first `count`, leaving out, unless `splits`, those that would end a segment."""
    names, i = [], 0
    while len(names) < count:
        name = b"f%08d" % i
        if splits or tail(sha(name)) & 127:
            names.append(name)
        i += 1
    return names


def directories():
    vectors = []
    for count in (0, 1, 2, 511, 512, 513, 1024, 1025, 5000, 100_000):
        for splits, padding in ((True, 0), (False, 0), (True, 4)):
            if count == 100_000 and not (splits and padding == 0):
                continue
            extra = [(b"user.pad%d" % i, b"x" * 1024) for i in range(padding)]
            items = [(n, entry(n, FILE, 0o644, 0, 0, 1_700_000_000, i, extra,
                               content_of(b"%d" % i))) for i, n in enumerate(rule_names(count, splits))]
            objects = Objects()
            top = tree(items, objects.emit)
            nodes = objects.listed(TREE)
            vectors.append({"count": count, "splits": splits, "paddingAttributes": padding, "top": top.hex(),
                            "topNode": short(objects[TREE, top]), "nodes": len(nodes),
                            "nodesSHA256": sha("".join(h for _, h in nodes).encode()).hex()})
    return vectors


def entries():
    empty = tree([])
    several = segment_rule(3, 2, True)
    many = segment_rule(17, 0, True)
    rows = [
        ("an empty file", dict(name=b"empty", type=FILE, inline=b"")),
        ("64 bytes inline", dict(name=b"edge", type=FILE, inline=counter("x", 64))),
        ("one chunk of 65 bytes", dict(name=b"one", type=FILE, segments=[(65, sha(counter("x", 65)))])),
        ("chunk, zeros, chunk", dict(name=b"three", type=FILE, segments=several)),
        ("16 segments", dict(name=b"16", type=FILE, segments=segment_rule(16, 0, True))),
        ("17 segments", dict(name=b"17", type=FILE, segments=many)),
        ("pages", dict(name=b"pages", type=FILE, cut=PAGES, segments=[(65536, sha(b"page 0")), (1, sha(b"page 1"))])),
        ("2^60 zeros", dict(name=b"vast", type=FILE, segments=[(1 << 60, None)])),
        ("an empty directory", dict(name=b"dir", type=DIRECTORY, mode=0o1777, tree=empty)),
        ("a symbolic link", dict(name=b"link", type=SYMLINK, mode=0o777, target=b"../\xff to\n")),
        ("a target of 4,095 bytes", dict(name=b"link2", type=SYMLINK, mode=0o777, target=b"t" * 4095)),
        ("a character device", dict(name=b"null", type=CHARACTER, mode=0o666, device=(1, 3))),
        ("overlay's whiteout", dict(name=b"whiteout", type=CHARACTER, mode=0, device=(0, 0))),
        ("a block device", dict(name=b"disk", type=BLOCK, device=(4095, (1 << 32) - 1))),
        ("a FIFO", dict(name=b"fifo", type=FIFO)), ("a socket", dict(name=b"socket", type=SOCKET, mode=0o755)),
        ("name of 255 bytes that are no UTF-8", dict(name=bytes(range(0x80, 0x100)) + b"\x7f" * 127, type=FIFO)),
        ("newline and escape in the name", dict(name=b"a\n\x1b[31m", type=FIFO)),
        ("before 1970", dict(name=b"old", type=FIFO, time=(-1, 999_999_999))),
        ("1901", dict(name=b"older", type=FIFO, time=(-(1 << 31), 0))),
        ("2446 and later", dict(name=b"late", type=FIFO, time=(15_032_385_535, 999_999_999))),
        ("the ends of time", dict(name=b"first", type=FIFO, time=(-(1 << 63), 0))),
        ("the other end", dict(name=b"last", type=FIFO, time=((1 << 63) - 1, 0))),
        ("mode and owner at their limits", dict(name=b"suid", type=FIFO, mode=0o7777, uid=2**32 - 2, gid=2**32 - 2)),
        ("attributes sorted by bytes, small and large", dict(name=b"attrs", type=FIFO, xattrs=[
            (b"user.b", b""), (b"user.a", b"\0\xff"), (b"user.B", counter("v", 1024)), (b"user.c", counter("v", 1025)),
            (b"security.capability", bytes.fromhex("0100000200200000000000000000000000000000")),
            (b"trusted.\xff", bytes(65536))])),
        ("an ACL", dict(name=b"acl", type=DIRECTORY, tree=empty, xattrs=[
            (b"system.posix_acl_access", ACL_UNSORTED), (b"system.posix_acl_default", ACL_UNSORTED)])),
        ("a root", dict(name=b"", type=DIRECTORY, mode=0o755, tree=empty)),
        ("a root that is a file", dict(name=b"", type=FILE, inline=b"file\n")),
    ]
    vectors = []
    for title, row in rows:
        time, cut = row.get("time", NAMED_TIME), row.get("cut", CDC)
        row = {"mode": 0o640, "uid": 1000, "gid": 100, "xattrs": [], **row}
        out = {"title": title, "name": row["name"].hex(), "type": row["type"], "mode": row["mode"], "uid": row["uid"],
               "gid": row["gid"], "seconds": str(time[0]), "nanoseconds": time[1],
               "xattrs": [[n.hex(), pieces_of(v)] for n, v in row["xattrs"]]}
        if row["type"] == FILE and "inline" in row:
            payload = content(CDC, len(row["inline"]), inline=row["inline"])
            out["content"] = {"cut": CDC, "length": len(row["inline"]), "inline": row["inline"].hex()}
        elif row["type"] == FILE:
            length = sum(size for size, _ in row["segments"])
            payload = content(cut, length, parts=row["segments"])
            out["content"] = {"cut": cut, "length": length,
                              "segments": [[size, d.hex() if d else None] for size, d in row["segments"]]}
        elif row["type"] == DIRECTORY:
            payload, out["tree"] = row["tree"], row["tree"].hex()
        elif row["type"] == SYMLINK:
            payload, out["target"] = string(row["target"]), row["target"].hex()
        elif row["type"] in (CHARACTER, BLOCK):
            payload, out["device"] = b"".join(map(varint, row["device"])), row["device"]
        else:
            payload = b""
        encoded = entry(row["name"], row["type"], row["mode"], row["uid"], row["gid"], *time, row["xattrs"], payload)
        vectors.append(out | {"encoded": short(encoded)}
                       | ({"root": short(root(encoded))} if row["name"] == b"" else {}))
    return vectors


def acl_entry(tag, permissions, who=0xFFFFFFFF):
    return struct.pack("<HHI", tag, permissions, who)


# mask, named groups 2^31 and 5, other, user 1000 and 33, owner, owning group: as some tools write them.
ACL_UNSORTED = struct.pack("<I", 2) + b"".join([
    acl_entry(16, 7), acl_entry(8, 4, 1 << 31), acl_entry(8, 5, 5), acl_entry(32, 0), acl_entry(2, 6, 1000),
    acl_entry(2, 7, 33), acl_entry(1, 7), acl_entry(4, 5)])


def acls():
    plain = struct.pack("<I", 2) + acl_entry(1, 6) + acl_entry(4, 4) + acl_entry(32, 4)
    return [{"value": v.hex(), "canonical": canonical_acl(v).hex()} for v in (ACL_UNSORTED, plain, plain[:4])]


def link_tables():
    rows = [("one pair", [[b"b", b"a"]]),
            ("by bytes, not by tree order", [[b"a/b", b"a-b"], [b"a.b/c", b"a/a", b"\xff\n"], [b"a/\x1b", b"a!"]])]
    many = [[b"g%05d/b" % i, b"g%05d/a" % i] for i in range(20_000)]
    vectors = []
    for title, groups in rows + [("rule", many)]:
        objects, stream = Objects(), link_table(groups)
        out = {"title": title, "stream": short(stream), "links": links(groups, objects.emit),
               "sizes": [size for size, _ in segments(stream, len(stream))], "lists": objects.listed(LIST)}
        vectors.append(out | ({"count": len(groups), "rule": "group i is g%05d/a and g%05d/b"} if groups is many else
                              {"groups": [[p.hex() for p in g] for g in groups]}))
    return vectors


DIGEST = text(sha(b"some digest"))
CONFIG = {"entrypoint": ["/bin/sh", "-c", "echo \"hi\"\\"], "user": "0:0", "workdir": "/",
          "env": [["PATH", "/usr/bin"], ["TAB", "a\tb\nc\x7f\x1f"], ["É", "e\u0301 é 😀 \u2028"], ["PATH", "again"],
                  ["RAW", b"\xff\xfe"], ["SURROGATE", b"\xed\xa0\x80"], ["EMPTY", ""]]}
RECORD_FIELDS = {"created": 1_700_000_000_123, "creator": "someone", "format": 1,
                 "id": "00112233445566778899aabbccddeeff",
                 "labels": {"a": "1", "a.b": "", "a-b": "x\"", "a/b": "é", "a_b": "y", "0": "z"}, "manifest": DIGEST,
                 "name": "base", "org": "local", "parent": "f" * 32, "tag": "v1", "visibility": "organization"}


def json_objects():
    base = {"format": 1, "root": DIGEST}
    manifests = [
        base | {"kind": "directory"},
        base | {"kind": "directory", "links": {"length": 1 << 53, "list": DIGEST}},
        base | {"kind": "filesystem", "config": CONFIG, "platform": {"architecture": "x86_64", "os": "linux"}},
        base | {"kind": "filesystem", "config": {"env": [["A", "b"]]}},
        base | {"kind": "directory", "config": {"user": "", "workdir": b"/\xff", "entrypoint": [""]}},
        base | {"kind": "filesystem", "platform": {"architecture": "é", "os": ""}},
        base | {"kind": "checkpoint", "checkpoint": {"payload": DIGEST}},
        base | {"kind": "checkpoint", "checkpoint": {
            "base": DIGEST, "cpu": "x86_64-v3", "engine": "vm", "kernel": "6.1.0", "payload": DIGEST, "version": "1"},
            "config": {"user": "root"}, "links": {"length": 5, "list": DIGEST}, "platform": {"architecture": "arm64", "os": "linux"}},
    ]
    small = {k: v for k, v in RECORD_FIELDS.items() if k not in ("creator", "labels", "parent", "tag")}
    records = [RECORD_FIELDS, small | {"visibility": "public"}]
    return {"manifests": [short(canonical(m)) | {"text": canonical(m).decode()} for m in manifests],
            "records": [short(canonical(r)) | {"text": canonical(r).decode()} for r in records]}


def snapshot():
    """A whole small snapshot: a directory with a file of one chunk, a hard link to it and an inline file."""
    objects, data = Objects(), counter("snapshot", 3000)
    file = [FILE, 0o644, 0, 0, *NAMED_TIME, [(b"user.large", counter("attribute", 1500))]]
    chunk = content_of(data, emit=objects.emit)
    items = [(n, entry(n, *file, chunk, objects.emit)) for n in (b"a", b"b")]
    items.append((b"small", entry(b"small", FILE, 0o600, 0, 0, *NAMED_TIME, [], content_of(b"hello\n"))))
    top = entry(b"", DIRECTORY, 0o755, 0, 0, *NAMED_TIME, [], tree(items, objects.emit))
    manifest = {"format": 1, "kind": "directory", "root": text(objects.emit(TREE, root(top))),
                "links": links([[b"a", b"b"]], objects.emit)}
    digest = objects.emit(MANIFEST, canonical(manifest))
    record = canonical(RECORD_FIELDS | {"manifest": text(digest), "name": "golden", "tag": "latest"})
    groups = [[(k, d) for (k, _), d in objects.items() if k == CHUNK],
              [(k, d) for (k, _), d in objects.items() if k in (LIST, TREE)],
              [(k, d) for (k, _), d in objects.items() if k == MANIFEST] + [(RECORD, record)]]
    return digest, groups


def packs():
    digest, groups = snapshot()
    data = pack(groups)
    frames, offset = [], 16
    for group in groups:
        raw = b"".join(d for _, d in group)
        frames.append({"offset": offset, "raw": len(raw), "check": sha(raw)[:16].hex(),
                       "objects": [[k, len(d), sha(d).hex()] for k, d in group]})
        offset += len(raw)
    stream = export([pack(groups[:1]), pack(groups[1:])])
    return {"hex": data.hex(), "frames": frames,
            "export": {"hex": stream.hex(), "manifest": text(digest), "packs": 2}}


def write(path):
    from refused import refused
    sections = {"format": 1, "profile": {"name": "fastcdc-1", "min": MIN, "average": AVERAGE, "max": MAX},
                "gear": [g.to_bytes(8, "big").hex() for g in (GEAR[0], GEAR[1], GEAR[255])],
                "streamSample": counter("a", 65).hex(), "varints": varints(), "chunks": chunks(), "lists": lists(),
                "directories": directories(), "entries": entries(), "acls": acls(), "linkTables": link_tables(),
                **json_objects(), "pack": packs(), "refused": refused()}
    with open(path, "w") as file:
        file.write("{\n" + ",\n".join(f"{json.dumps(k)}: {lines(v)}" for k, v in sections.items()) + "\n}\n")


def lines(value):
    """JSON with one element of a list a line, so that a change shows as one."""
    if not isinstance(value, list):
        return json.dumps(value)
    return "[\n" + ",\n".join(map(json.dumps, value)) + "\n]"
