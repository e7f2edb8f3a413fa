#!/usr/bin/env python3
"""Makes a golden store with a program: Tests/Golden/store.py PROGRAM NAME writes stores/NAME.tar.gz, a whole store, and
stores/NAME.json, what is in it, as Python sees the directories that went in. Once for each version of the formats and
of the catalogue; what is checked in is never made again, because old stores open for ever."""
import hashlib
import json
import os
import stat
import subprocess
import sys
import tarfile
import tempfile

STORES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "stores")
TIME = 1_700_000_000
# Room that is kept free, and what SQLite makes anew.
LEFT_OUT = {"store/reserve", "store/catalog.sqlite-shm"}


def write(path, data, mode=0o644):
    with open(path, "wb") as file:
        file.write(data)
    os.chmod(path, mode)


def make(top, version):
    """A directory with some of everything that needs no root; the versions share most of their chunks."""
    for name in (b"empty", b"many", b"sub/deeper"):
        os.makedirs(os.path.join(top, name))
    at = lambda name: os.path.join(top, name)
    write(at(b"small"), b"small %d\n" % version, 0o600)
    write(at(b"nothing"), b"")
    write(at(b"chunk"), b"%d" % version * 3000, 0o4755)
    lines = b"".join(b"%d %s\n" % (i, hashlib.sha256(b"%d" % i).hexdigest()[:9].encode()) for i in range(18_000))
    write(at(b"sub/list"), lines + b"version %d\n" % version)
    with open(at(b"sub/sparse"), "wb") as file:
        file.write(b"begin")
        file.truncate(1 << 20)
        file.seek(700_000)
        file.write(b"end")
    for number in range(150):
        write(at(b"many/%d" % number), b"")
    write(at(b"sub/\xff\n\x1b"), b"name of bytes")
    write(at("é".encode()), b"NFC")
    write(at("e\u0301".encode()), b"NFD")
    os.symlink(b"../small", at(b"sub/link"))
    os.symlink(b"/nowhere/\xff", at(b"absolute"))
    os.link(at(b"small"), at(b"sub/deeper/small"))
    os.mkfifo(at(b"fifo"), 0o640)
    os.setxattr(at(b"chunk"), b"user.short", b"value")
    os.setxattr(at(b"sub"), b"user.long", bytes(range(256)) * 5)
    for number, (where, directories, files) in enumerate(os.walk(top, topdown=False)):
        for name in [*files, *directories]:
            nanoseconds = (TIME + number) * 10**9 + len(name)
            if name in (b"fifo", b"chunk"):
                nanoseconds = -5 * 10**9 + 1
            os.utime(os.path.join(where, name), ns=(nanoseconds, nanoseconds), follow_symlinks=False)
    os.utime(top, ns=(TIME * 10**9, TIME * 10**9))


def listing(top):
    """Path (hexadecimal) to type, mode, seconds, nanoseconds and what it holds."""
    rows = {}
    for where, directories, files in os.walk(top):
        for name in [*files, *directories]:
            path = os.path.join(where, name)
            status = os.lstat(path)
            kind = {stat.S_IFREG: "file", stat.S_IFDIR: "directory", stat.S_IFLNK: "link", stat.S_IFIFO: "fifo"}[
                stat.S_IFMT(status.st_mode)]
            held = ""
            if kind == "file":
                with open(path, "rb") as file:
                    held = hashlib.sha256(file.read()).hexdigest()
            elif kind == "link":
                held = os.readlink(path).hex()
            xattrs = {} if kind == "link" else {
                name: os.getxattr(path, name).hex() for name in sorted(os.listxattr(path)) if name.startswith("user.")}
            seconds, nanoseconds = divmod(status.st_mtime_ns, 10**9)
            rows[os.path.relpath(path, top).hex()] = [
                kind, status.st_mode & 0o7777, seconds, nanoseconds, held, xattrs]
    return rows


def main():
    program, name = sys.argv[1:]
    tar, known = (os.path.join(STORES, name + end) for end in (".tar.gz", ".json"))
    if os.path.exists(tar):
        sys.exit(f"{tar} is there: golden stores are made once.")
    os.makedirs(STORES, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="snapstore-golden-", dir="/dev/shm") as work:
        store = os.path.join(work, "store")

        def run(*arguments):
            result = subprocess.run([program, *arguments, "--store", store, "--json"], capture_output=True)
            assert result.returncode == 0, (arguments, result.stdout, result.stderr)
            return json.loads(result.stdout.splitlines()[-1])

        snapshots, trees = {}, {}
        for version in (1, 2, 3):
            top = os.path.join(work, f"tree-{version}").encode()
            make(top, version)
            made = run("create", os.fsdecode(top), f"tools:v{version}", "--env", "PATH=/bin", "--env", "EMPTY=",
                       "--label", "made.by=golden", "--mtime", "keep")
            snapshots[f"tools:v{version}"] = {"digest": made["digest"], "tree": f"{version}"}
            trees[f"{version}"] = listing(top)
        memory = os.path.join(work, "memory")
        os.makedirs(memory)
        write(os.path.join(memory, "memory.img"), b"page" * 50_000)
        write(os.path.join(memory, "state.json"), b"{}")
        made = run("create", os.fsdecode(top), "tools:running", "--checkpoint", memory, "--pages", "memory.img",
                   "--engine", "golden", "--cpu", "none", "--kernel", "none")
        snapshots["tools:running"] = {"digest": made["digest"], "tree": "3"}
        run("tag", "tools:v2", "other:stable")
        snapshots["other:stable"] = snapshots["tools:v2"]
        run("delete", "tools:v1")
        del snapshots["tools:v1"], trees["1"]
        if name.endswith("catalogue-2"):
            run("protect", "tools:v3")
            run("expire", "tools:v2", "36500d")
        run("gc", "--grace", "0")
        run("fsck", "--read-data")
        with open(known, "w") as file:
            json.dump({"snapshots": snapshots, "trees": trees}, file, separators=(",", ":"), sort_keys=True)
            file.write("\n")
        with tarfile.open(tar, "w:gz", format=tarfile.PAX_FORMAT) as file:
            file.add(store, "store", filter=lambda info: None if info.name in LEFT_OUT else info)


main()
