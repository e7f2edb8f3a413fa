#!/usr/bin/env python3
"""Reads one file of a snapshot from a server, with nothing but curl and Python's standard library, and checks every byte.

    SNAPSTORE_REMOTE=http://127.0.0.1:7770 SNAPSTORE_TOKEN=snap_… tools/read_remote.py NAME[:TAG] PATH >FILE

Written from docs/format.md and docs/http.md: it shows what another program needs to read a snapshot. What it does goes to
standard error: the snapshot found, its manifest, and each object with its digest."""
import hashlib
import json
import os
import subprocess
import sys
import urllib.parse



class Server:
    def __init__(self, url, token):
        self.url, self.token = url.rstrip("/"), token

    def get(self, path):
        # On curl's command line others would see the token.
        asked = subprocess.run(
            ["curl", "--silent", "--show-error", "--fail-with-body", "--config", "-", self.url + path],
            input=f'header = "Authorization: Bearer {self.token}"\n'.encode(), stdout=subprocess.PIPE, check=False)
        if asked.returncode != 0:
            sys.exit(f"read_remote: GET {path} failed: {asked.stdout.decode(errors='replace')}")
        return asked.stdout

    def find(self, name, tag):
        query = urllib.parse.urlencode({"name": name, "tag": tag})
        found = json.loads(self.get("/v1/snapshots?" + query))["snapshots"]
        if not found:
            sys.exit(f"read_remote: there is no snapshot {name}:{tag}")
        return found[0]


class Snapshot:
    def __init__(self, server, record):
        self.server, self.record = server, record

    def manifest(self):
        return self.check("manifest", self.record["digest"], self.server.get(f"/v1/snapshots/{self.record['id']}/manifest"))

    def object(self, kind, digest):
        return self.check(kind, digest, self.server.get(f"/v1/snapshots/{self.record['id']}/objects/{kind}/{digest}"))

    def check(self, kind, digest, data):
        if "sha256:" + hashlib.sha256(data).hexdigest() != digest:
            sys.exit(f"read_remote: the server sent other bytes for the {kind} {digest}")
        print(f"{kind:8} {digest} {len(data)} bytes", file=sys.stderr)
        return data


class Reader:
    """Section 1 of docs/format.md."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def raw(self, count):
        if self.at + count > len(self.data):
            raise ValueError("ends too early")
        self.at += count
        return self.data[self.at - count:self.at]

    def varint(self):
        value, shift = 0, 0
        while True:
            byte = self.raw(1)[0]
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    def bytes(self):
        return self.raw(self.varint())

    def digest(self):
        return "sha256:" + self.raw(32).hex()

    def content(self):
        """The length of a file, and its bytes, or segments, or the digest of a list (section 3)."""
        self.raw(1)
        length = self.varint()
        if length <= 64:
            return length, self.raw(length)
        if self.raw(1)[0] == 1:
            return length, self.digest()
        return length, [self.segment() for _ in range(self.varint())]

    def segment(self):
        header = self.varint()
        return header >> 1, None if header & 1 else self.digest()

    def entry(self):
        """Name, type, and what it is (section 5)."""
        name, kind = self.bytes(), self.raw(1)[0]
        for _ in range(5):
            self.varint()  # mode, owner, group, seconds, nanoseconds
        for _ in range(self.varint()):
            self.bytes()
            size = self.varint()
            self.raw(size if size <= 1024 else 32)
        if kind == 1:
            return name, kind, self.content()
        if kind == 2:
            return name, kind, self.digest()
        if kind == 3:
            return name, kind, self.bytes()
        return name, kind, [self.varint() for _ in range(2)] if kind in (4, 5) else None


def lookup(snapshot, node, name):
    """The entry of a directory with this name."""
    while True:
        reader = Reader(snapshot.object("tree", node))
        if reader.raw(2) != b"T\x01":
            sys.exit(f"read_remote: {node} is no node of a directory")
        level, count = reader.raw(1)[0], reader.varint()
        if level == 0:
            return next((entry for entry in (reader.entry() for _ in range(count)) if entry[0] == name), None)
        items = [(reader.bytes(), reader.digest()) for _ in range(count)]
        node = next((digest for last, digest in items if last >= name), None)
        if node is None:
            return None


def segments(snapshot, content):
    """Sizes and digests of the chunks of a file; None for zeros."""
    if isinstance(content, list):
        yield from content
        return
    reader = Reader(snapshot.object("list", content))
    if reader.raw(2) != b"L\x01":
        sys.exit(f"read_remote: {content} is no list of chunks")
    level, count = reader.raw(1)[0], reader.varint()
    for _ in range(count):
        if level == 0:
            yield reader.segment()
        else:
            reader.varint()
            yield from segments(snapshot, reader.digest())


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    url, token = os.environ.get("SNAPSTORE_REMOTE"), os.environ.get("SNAPSTORE_TOKEN")
    if not url or not token:
        sys.exit("read_remote: set SNAPSTORE_REMOTE and SNAPSTORE_TOKEN")
    name, _, tag = sys.argv[1].partition(":")
    server = Server(url, token)
    record = server.find(name, tag or "latest")
    print(f"{record['org']}/{name}: {record['fileCount']} files, {record['logicalBytes']} bytes", file=sys.stderr)
    snapshot = Snapshot(server, record)
    manifest = json.loads(snapshot.manifest())
    root = Reader(snapshot.object("tree", manifest["root"]))
    if root.raw(2) != b"R\x01":
        sys.exit("read_remote: the root is none")
    entry = root.entry()
    for name in [name for name in os.fsencode(sys.argv[2]).split(b"/") if name]:
        entry = lookup(snapshot, entry[2], name) if entry[1] == 2 else None
        if entry is None:
            sys.exit(f"read_remote: there is no {sys.argv[2]} in the snapshot")
    if entry[1] != 1:
        sys.exit(f"read_remote: {sys.argv[2]} is no regular file")
    length, content = entry[2]
    out, written = sys.stdout.buffer, 0
    if isinstance(content, bytes):
        written += out.write(content)
    else:
        for size, digest in segments(snapshot, content):
            data = bytes(size) if digest is None else snapshot.object("chunk", digest)
            if len(data) != size:
                sys.exit(f"read_remote: {digest} has {len(data)} bytes, not {size}")
            written += out.write(data)
    if written != length:
        sys.exit(f"read_remote: {written} bytes came of {length}")


if __name__ == "__main__":
    main()
