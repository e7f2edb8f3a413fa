"""Encodings that a decoder must refuse: each is one step away from a good one."""
from golden import *
from vectors import ACL_UNSORTED, CONFIG, RECORD_FIELDS, DIGEST, counter, pieces_of, rule_names, segment_rule


def refused():
    rows = []

    def add(kind, why, data):
        rows.append({"kind": kind, "why": why, "pieces": pieces_of(data)})

    for why, data in contents():
        add("entry", "content: " + why, plain(b"f", FILE, data))
    for kind, make in (("entry", bad_entries), ("root", bad_roots), ("tree", bad_trees), ("list", bad_lists),
                       ("links", bad_links), ("manifest", bad_manifests), ("record", bad_records), ("pack", bad_packs)):
        for why, data in make():
            add(kind, why, data)
    return rows


def plain(name, kind=FIFO, payload=b"", mode=0o644, xattrs=b"\0", seconds=b"\0", nanoseconds=b"\0", ids=b"\0\0"):
    return string(name) + bytes([kind]) + varint(mode) + ids + seconds + nanoseconds + xattrs + payload


def contents():
    one, zero = segment(65, sha(b"x")), segment(65536, None)
    yield "65 bytes inline", b"\0" + string(b"x" * 65)
    yield "64 bytes as a chunk", b"\0" + varint(64) + b"\0\1" + segment(64, sha(b"x"))
    yield "inline with cut 1", b"\1" + string(b"x")
    yield "unknown cut", b"\2" + varint(65) + b"\0\1" + one
    yield "unknown form", b"\0" + varint(65) + b"\2" + sha(b"x")
    yield "no segment", b"\0" + varint(65) + b"\0\0"
    yield "17 segments in form 0", b"\0" + varint(17 * 65) + b"\0\x11" + one * 17
    yield "sizes add up to less", b"\0" + varint(66) + b"\0\1" + one
    yield "sizes add up to more", b"\0" + varint(129) + b"\0\2" + one + one
    yield "an empty chunk", b"\0" + varint(65) + b"\0\2" + segment(0, sha(b"")) + one
    yield "an empty zero segment", b"\0" + varint(65) + b"\0\2" + varint(1) + one
    yield "a chunk of 1 MiB + 1", b"\0" + varint((1 << 20) + 1) + b"\0\1" + segment((1 << 20) + 1, sha(b"x"))
    yield "longer than 2^60", b"\0" + varint((1 << 60) + 1) + b"\0\1" + segment((1 << 60) + 1, None)
    yield "sizes that overflow", b"\0" + varint(65) + b"\0\3" + segment((1 << 63) - 1, None) * 2 + segment(67, None)
    yield "cut off", b"\0" + varint(65601) + b"\0\2" + zero + one[:-1]
    yield "over-long count", b"\0" + varint(65) + b"\0\x81\0" + one


def bad_entries():
    big = (1 << 32) - 1
    for name in (b"", b".", b"..", b"a/b", b"/", b"a\0", b"x" * 256):
        yield "name %r" % name[:4], plain(name)
    yield "mode 0o10000", plain(b"f", mode=0o10000)
    yield "a symbolic link with mode 0o755", plain(b"f", SYMLINK, string(b"t"), mode=0o755)
    yield "type 0", plain(b"f", 0)
    yield "type 8", plain(b"f", 8)
    yield "user id 2^32 - 1", plain(b"f", ids=varint(big) + b"\0")
    yield "group id 2^32 - 1", plain(b"f", ids=b"\0" + varint(big))
    yield "nanoseconds 10^9", plain(b"f", nanoseconds=varint(10**9))
    yield "an empty target", plain(b"f", SYMLINK, string(b""), mode=0o777)
    yield "a target of 4,096 bytes", plain(b"f", SYMLINK, string(b"x" * 4096), mode=0o777)
    yield "NUL in a target", plain(b"f", SYMLINK, string(b"x\0"), mode=0o777)
    yield "major 2^32", plain(b"f", CHARACTER, varint(1 << 32) + b"\0")
    yield "minor 2^32", plain(b"f", BLOCK, b"\0" + varint(1 << 32))
    small = xattr(b"user.a", b"1")
    yield "attributes out of order", plain(b"f", xattrs=b"\2" + xattr(b"user.b", b"1") + small)
    yield "the same attribute twice", plain(b"f", xattrs=b"\2" + small + small)
    yield "attribute without a name", plain(b"f", xattrs=b"\1" + xattr(b"", b"1"))
    yield "attribute name of 256 bytes", plain(b"f", xattrs=b"\1" + xattr(b"x" * 256, b"1"))
    yield "NUL in an attribute name", plain(b"f", xattrs=b"\1" + xattr(b"user.\0", b"1"))
    yield "attribute value of 65,537 bytes", plain(b"f", xattrs=b"\1" + xattr(b"user.a", bytes(65537)))
    yield "more attributes than there are", plain(b"f", xattrs=varint(1 << 62) + small)
    acl = string(b"system.posix_acl_access") + string(ACL_UNSORTED)
    yield "an unsorted ACL", plain(b"f", xattrs=b"\1" + acl)
    attributes = [xattr(b"user.%04d" % i, bytes(1024)) for i in range(127)]
    yield "an entry of more than 128 KiB", plain(b"f", xattrs=varint(127) + b"".join(attributes))
    yield "trailing byte", plain(b"f") + b"\0"
    yield "cut off", plain(b"f")[:-1]
    yield "over-long mode", string(b"f") + b"\6\xa4\x83\0" + bytes(5)


def bad_roots():
    good = plain(b"")
    yield "with a name", b"R\1" + plain(b"a")
    yield "version 0", b"R\0" + good
    yield "version 2", b"R\2" + good
    yield "trailing byte", root(good) + b"\0"
    yield "a directory node in its place", tree_node(0, [])


def bad_trees():
    hit = next(b"h%d" % i for i in range(10**6) if tail(sha(b"h%d" % i)) & 127 == 0)
    after = [n for n in rule_names(600, False)]
    pair = [string(n) + sha(n) for n in (b"a", b"b")]
    hit2 = next(b"i%d" % i for i in range(10**6) if tail(sha(b"i%d" % i)) >> 7 & 127 == 0)
    wide = varint(2) + xattr(b"user.a", bytes(1024)) + xattr(b"user.b", bytes(1024))
    yield "no level", b"T\1"
    yield "version 2", b"T\2\0\0"
    yield "level 8", tree_node(8, pair)
    yield "an empty index", tree_node(1, [])
    yield "index out of order", tree_node(1, pair[::-1])
    yield "names out of order", tree_node(0, [plain(b"b"), plain(b"a")])
    yield "the same name twice", tree_node(0, [plain(b"a"), plain(b"a")])
    yield "an entry without a name", tree_node(0, [plain(b"")])
    yield "goes on after an end", tree_node(0, [plain(hit), plain(b"zzz")])
    yield "index goes on after an end", tree_node(1, [string(hit2) + sha(b"x"), string(b"zzz") + sha(b"y")])
    yield "513 entries", tree_node(0, [plain(n) for n in after[:513]])
    yield "more than 256 KiB", tree_node(0, [plain(n, xattrs=wide) for n in after[:127]])
    yield "count too large", tree_node(0, [plain(b"a")]).replace(b"T\1\0\1", b"T\1\0\2")
    yield "count 2^63", b"T\1\0" + varint(1 << 63) + plain(b"a")
    yield "trailing byte", tree_node(0, [plain(b"a")]) + b"\0"


def bad_lists():
    ends = (5, bytes(32))
    many = segment_rule(70, 0, False)
    child = [(70_000, sha(b"%d" % i)) for i in range(2)]
    yield "version 0", b"L\0" + list_node(0, many[:17])[2:]
    yield "no item", list_node(0, [])
    yield "level 8", list_node(8, child)
    yield "1,025 items", list_node(0, [(65536, None)] * 1025)
    yield "goes on after an end", list_node(0, many[:63] + [ends] + many[63:64])
    yield "index goes on after an end", list_node(1, [(5, bytes([1, i]) + b"\1" * 30) for i in range(63)] + [ends] * 2)
    yield "a node of size 0", list_node(1, [(0, sha(b"x")), *child])
    yield "sizes that overflow", list_node(1, [(M64, sha(b"x")), (M64, sha(b"y"))])
    yield "a chunk of 1 MiB + 1", list_node(0, many[:17] + [((1 << 20) + 1, sha(b"x"))])
    yield "trailing byte", list_node(0, many[:17]) + b"\0"
    yield "cut off", list_node(0, many[:17])[:-1]


def bad_links():
    pair = lambda *paths: varint(len(paths)) + b"".join(map(string, paths))
    yield "a group of one", pair(b"a")
    yield "paths out of order", pair(b"b", b"a")
    yield "the same path twice", pair(b"a", b"a")
    yield "groups out of order", pair(b"c", b"d") + pair(b"a", b"b")
    for path in (b"", b"/a", b"a//b", b"a/", b"./a", b"a/../b", b"a\0", b"x" * 256):
        yield "path %r" % path[:6], pair(*sorted([path, b"z"]))
    yield "cut off", pair(b"a", b"b")[:-1]


def bad_manifests():
    good = canonical({"format": 1, "kind": "directory", "root": DIGEST})
    filesystem = good.replace(b"directory", b"filesystem")
    config = lambda value: canonical({"format": 1, "kind": "filesystem", "root": DIGEST, "config": value})
    yield "white space", good.replace(b":1", b": 1")
    yield "trailing newline", good + b"\n"
    yield "fields out of order", b'{"kind":"directory","format":1,"root":"' + DIGEST.encode() + b'"}'
    yield "a repeated field", good.replace(b'{"format":1', b'{"format":1,"format":1')
    yield "an unknown field", good.replace(b'"kind"', b'"hello":1,"kind"')
    yield "format 2", good.replace(b":1", b":2")
    yield "format 1.0", good.replace(b":1", b":1.0")
    yield "format 01", good.replace(b":1", b":01")
    yield "format 1e0", good.replace(b":1", b":1e0")
    yield "format as text", good.replace(b":1", b':"1"')
    yield "format missing", good.replace(b'"format":1,', b"")
    yield "root missing", good.split(b',"root"')[0] + b"}"
    yield "unknown kind", good.replace(b"directory", b"Directory")
    yield "digest in capitals", good.replace(DIGEST[7:].encode(), DIGEST[7:].upper().encode())
    yield "digest cut short", good.replace(DIGEST.encode(), DIGEST[:-1].encode())
    yield "digest of another kind", good.replace(b"sha256:", b"sha512:")
    yield "null", good.replace(b'"kind"', b'"config":null,"kind"')
    yield "an empty config", config({})
    yield "an empty entry point", config({"entrypoint": []})
    yield "an empty environment", config({"env": []})
    yield "an environment entry of three", config({"env": [["A", "b", "c"]]})
    yield "a needless escape", config({"user": "a"}).replace(b'"a"', b'"\\u0061"')
    yield "an escaped slash", config({"user": "/"}).replace(b'"/"', b'"\\/"')
    yield "a short escape", config({"user": "\n"}).replace(b"\\u000a", b"\\n")
    yield "an escape in capitals", config({"user": "\n"}).replace(b"\\u000a", b"\\u000A")
    yield "a bare control byte", config({"user": "a"}).replace(b'"a"', b'"\x01"')
    yield "an escape for DEL", config({"user": "\x7f"}).replace(b"\x7f", b"\\u007f")
    yield "bytes that are not UTF-8", config({"user": "a"}).replace(b'"a"', b'"\xff"')
    yield "b64 of valid UTF-8", config({"user": b"\xff"}).replace(b"/w==", b"YQ==")
    yield "b64 without padding", config({"user": b"\xff"}).replace(b"/w==", b"/w")
    yield "b64 with stray bits", config({"user": b"\xff"}).replace(b"/w==", b"/x==")
    yield "b64 with the URL alphabet", config({"user": b"\xff"}).replace(b"/w==", b"_w==")
    yield "a platform for a directory", canonical(
        {"format": 1, "kind": "directory", "root": DIGEST, "platform": {"architecture": "x", "os": "linux"}})
    yield "a platform without architecture", canonical(
        {"format": 1, "kind": "filesystem", "root": DIGEST, "platform": {"os": "linux"}})
    yield "a checkpoint for a filesystem", canonical(
        {"format": 1, "kind": "filesystem", "root": DIGEST, "checkpoint": {"payload": DIGEST}})
    yield "a checkpoint without payload", canonical(
        {"format": 1, "kind": "checkpoint", "root": DIGEST, "checkpoint": {"cpu": "x"}})
    yield "an empty platform", filesystem.replace(b',"root"', b',"platform":{},"root"')
    yield "links of 2^53 + 1 bytes", good.replace(
        b',"root"', b',"links":{"length":9007199254740993,"list":"' + DIGEST.encode() + b'"},"root"')
    yield "nested 100,000 deep", good.replace(b":1", b":" + b"[" * 100_000 + b"]" * 100_000)
    yield "an array", b"[" + good + b"]"
    yield "nothing", b""
    yield "cut off", good[:-1]


def bad_records():
    good = canonical(RECORD_FIELDS)
    yield "id in capitals", good.replace(b"aabbccddeeff", b"AABBCCDDEEFF")
    yield "id cut short", good.replace(b"aabbccddeeff", b"aabbccddeef")
    yield "unknown visibility", good.replace(b"organization", b"private")
    yield "label b64", canonical(RECORD_FIELDS | {"labels": {"b64": "AA=="}})
    yield "label in capitals", canonical(RECORD_FIELDS | {"labels": {"A": "1"}})
    yield "empty label key", canonical(RECORD_FIELDS | {"labels": {"": "1"}})
    yield "label key of 129", canonical(RECORD_FIELDS | {"labels": {"a" * 129: "1"}})
    yield "no labels but the field", canonical(RECORD_FIELDS | {"labels": {}})
    yield "negative time", good.replace(b"1700000000123", b"-1")
    yield "format 2", good.replace(b'"format":1', b'"format":2')
    yield "manifest missing", canonical({k: v for k, v in RECORD_FIELDS.items() if k != "manifest"})


def bad_packs():
    object1 = (CHUNK, counter("pack", 100))
    good = pack([[object1]])

    def footer(data, body=object1[1]):
        return b"".join([b"SNAPPACK", struct.pack("<HHI", 1, 0, 0), body, data,
                         struct.pack("<I", len(data)), sha(data), b"KCAPPANS"])

    def frame(codec=0, stored=100, raw=100, kind=1, length=100):
        return b"".join([b"\1", bytes([codec]), varint(stored), varint(raw), sha(object1[1])[:16], b"\1",
                         bytes([kind]), varint(length), sha(object1[1])])

    assert footer(frame()) == good
    yield "without frames", pack([])
    yield "version 2", good.replace(b"SNAPPACK\1", b"SNAPPACK\2")
    yield "another magic", good.replace(b"SNAPPACK", b"SNAPSACK")
    yield "another last magic", good.replace(b"KCAPPANS", b"KCAPPAN ")
    yield "bytes in the header that must be zero", good[:12] + b"\1" + good[13:]
    yield "a gap before the footer", footer(frame(), object1[1] + b"\0")
    yield "frames longer than the file", footer(frame(stored=101, raw=101, length=101))
    yield "codec 2", footer(frame(codec=2))
    yield "codec 0 with two lengths", footer(frame(raw=101, length=101))
    yield "lengths that do not add up", footer(frame(length=99))
    yield "kind 0", footer(frame(kind=0))
    yield "kind 6", footer(frame(kind=6))
    yield "a frame without objects", footer(b"\1\0" + varint(100) * 2 + sha(object1[1])[:16] + b"\0")
    yield "trailing byte in the footer", footer(frame() + b"\0")
    yield "footer length beyond the file", good[:-44] + b"\xff\xff\xff\x7f" + good[-40:]
    yield "footer with another digest", good[:-9] + bytes([good[-9] ^ 1]) + good[-8:]
    yield "cut off", good[:-1]
    yield "trailing byte", good + b"\0"
    yield "an object of no bytes", pack([[object1, (CHUNK, b"")]])
    yield "a list larger than 64 KiB", pack([[(LIST, bytes(65537))]])
