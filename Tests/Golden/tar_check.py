#!/usr/bin/env python3
"""Holds a tar archive against the directory it is of, reading it with Python's tarfile: an implementation that shares
nothing with snapstore's. Sockets must be missing from the archive; all else must be there, each name once, in an order
in which it can be unpacked.

tar_check.py ARCHIVE DIR       as root; prints each difference, then `N members, M differences`; exits 1 if any"""
import os
import stat
import struct
import sys
import tarfile
from decimal import Decimal

TYPES = {stat.S_IFREG: tarfile.REGTYPE, stat.S_IFDIR: tarfile.DIRTYPE, stat.S_IFLNK: tarfile.SYMTYPE,
         stat.S_IFIFO: tarfile.FIFOTYPE, stat.S_IFCHR: tarfile.CHRTYPE, stat.S_IFBLK: tarfile.BLKTYPE}
TAGS = {1: "user", 2: "user", 4: "group", 8: "group", 16: "mask", 32: "other"}
differences = 0


def differ(path, what, archive, directory):
    global differences
    differences += 1
    print(f"{path!a}: {what} {archive!a} in the archive, {directory!a} in the directory"[:1000])


def acl_text(value):
    """The text of a list as the kernel keeps it."""
    rows = []
    for at in range(4, len(value), 8):
        tag, bits, number = struct.unpack_from("<HHI", value, at)
        account = "" if number == 0xFFFFFFFF else str(number)
        rows.append(f"{TAGS[tag]}:{account}:" + "".join(c if bits & b else "-" for b, c in ((4, "r"), (2, "w"), (1, "x"))))
    return sorted(rows)


def expected(directory):
    """Every name but sockets, parents first: path -> status."""
    found = {}
    stack = [b""]
    while stack:
        path = stack.pop()
        status = os.lstat(os.path.join(directory, path))
        if stat.S_ISSOCK(status.st_mode):
            continue
        found[path] = status
        if stat.S_ISDIR(status.st_mode):
            stack += [os.path.join(path, n) for n in os.listdir(os.path.join(directory, path))]
    return found


def records(member):
    """Extended attributes and lists, as the pax header has them."""
    attributes, lists = {}, {}
    for key, value in member.pax_headers.items():
        raw = value.encode("utf-8", "surrogateescape")
        if key.startswith("SCHILY.xattr."):
            name = key[len("SCHILY.xattr."):].replace("%3D", "=").replace("%25", "%")
            attributes[name.encode("utf-8", "surrogateescape")] = raw
        elif key.startswith("SCHILY.acl."):
            lists[b"system.posix_acl_" + key[len("SCHILY.acl."):].encode()] = sorted(value.split(","))
    return attributes, lists


def check_attributes(member, path, full):
    attributes, lists = records(member)
    for name in map(os.fsencode, os.listxattr(full, follow_symlinks=False)):
        value = os.getxattr(full, name, follow_symlinks=False)
        if name.startswith(b"system.posix_acl_"):
            if lists.pop(name, None) != acl_text(value):
                differ(path, name, "another list", acl_text(value))
        elif attributes.pop(name, None) != value:
            differ(path, f"attribute {name}", "another value or none", value[:40])
    for name in [*attributes, *lists]:
        differ(path, "attribute", name, None)


def after_hole(file, at, size):
    """Where to go on reading: past a long hole, whose bytes in the archive cannot be other than zeros by its map."""
    try:
        data = os.lseek(file.fileno(), at, os.SEEK_DATA)
    except OSError:
        data = size
    return data if data - at > 64 << 20 else at


def check_content(archive, member, path, full):
    with archive.extractfile(member) as packed, open(full, "rb") as plain:
        at = 0
        while at < member.size:
            at = after_hole(plain, at, member.size)
            packed.seek(at)
            a, b = packed.read(1 << 20), os.pread(plain.fileno(), 1 << 20, at)
            if a != b:
                return differ(path, f"content at {at}", a[:20], b[:20])
            at += 1 << 20
    return None


def check(archive, member, path, status, full, inodes):
    kind = stat.S_IFMT(status.st_mode)
    inode = (status.st_dev, status.st_ino)
    if kind != stat.S_IFDIR and inode in inodes:
        target = os.fsencode(os.path.normpath(member.linkname))
        if member.type != tarfile.LNKTYPE or target != inodes[inode]:
            differ(path, "hard link", (member.type, target), inodes[inode])
        return
    inodes[inode] = path
    if member.type not in (TYPES[kind], tarfile.GNUTYPE_SPARSE):
        return differ(path, "type", member.type, TYPES[kind])
    time = Decimal(member.pax_headers.get("mtime", member.mtime))
    for what, a, b in (("mode", member.mode, stat.S_IMODE(status.st_mode)), ("uid", member.uid, status.st_uid),
                       ("gid", member.gid, status.st_gid), ("mtime", int(time * 10**9), status.st_mtime_ns)):
        if a != b:
            differ(path, what, a, b)
    if kind == stat.S_IFLNK and os.fsencode(member.linkname) != os.fsencode(os.readlink(full)):
        differ(path, "target", member.linkname, os.readlink(full))
    if kind in (stat.S_IFCHR, stat.S_IFBLK) and os.makedev(member.devmajor, member.devminor) != status.st_rdev:
        differ(path, "device", (member.devmajor, member.devminor), status.st_rdev)
    if kind == stat.S_IFREG:
        if member.size != status.st_size:
            return differ(path, "size", member.size, status.st_size)
        check_content(archive, member, path, full)
    check_attributes(member, path, full)


def main():
    directory = os.fsencode(sys.argv[2])
    wanted = expected(directory)
    inodes, seen, count = {}, set(), 0
    with tarfile.open(sys.argv[1]) as archive:
        for member in archive:
            count += 1
            path = os.fsencode(member.name).removeprefix(b"./").rstrip(b"/")
            path = b"" if path == b"." else path
            if path in seen or path not in wanted:
                differ(path, "name", "twice or too many", None)
                continue
            if path and os.path.dirname(path) not in seen:
                differ(path, "name", "before its directory", None)
            seen.add(path)
            check(archive, member, path, wanted[path], os.path.join(directory, path), inodes)
    for path in wanted.keys() - seen:
        differ(path, "name", None, "there")
    print(f"{count} members, {differences} differences")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
