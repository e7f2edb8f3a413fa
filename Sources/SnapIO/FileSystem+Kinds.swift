// What statfs(2) tells of kinds of file systems; the numbers are those of linux/magic.h and the file systems' sources.

extension FileSystem {
    /// The file system as `mount -t` names it, where its number tells.
    package var name: String { Self.names[magic] ?? "0x" + String(magic, radix: 16) }

    /// Of another machine: locks, and what a sync has promised, depend on its server.
    package var isNetwork: Bool {
        ["nfs", "smb", "cifs", "smb2", "9p", "ceph", "afs", "lustre", "coda", "ncp"].contains(name)
    }

    /// Gone when the machine stops.
    package var isMemory: Bool { name == "tmpfs" || name == "ramfs" }

    private static let names: [UInt64: String] = [
        0xef53: "ext4", 0x5846_5342: "xfs", 0x9123_683e: "btrfs", 0x2fc1_2fc1: "zfs", 0xf2f5_2010: "f2fs",
        0x0102_1994: "tmpfs", 0x8584_58f6: "ramfs", 0x794c_7630: "overlay", 0x6573_5546: "fuse", 0x4d44: "vfat",
        0xca45_1a4e: "bcachefs", 0x6969: "nfs", 0x517b: "smb", 0xff53_4d42: "cifs", 0xfe53_4d42: "smb2",
        0x0102_1997: "9p", 0x00c3_6400: "ceph", 0x5346_414f: "afs", 0x0bd0_0bd0: "lustre", 0x7375_7245: "coda",
        0x564c: "ncp",
    ]
}
