import Glibc
import SnapCore
import SnapDigest
import SnapIO
import SnapModel
import SnapTrees
import TestSupport
import Testing

/// Snapshots that nobody captured: a named error or an exact restore, in bounded time and room, and nothing outside.
@Suite struct RestoreHostileTests {
    /// Link tables that a capture would not write, over `a` and `b` (equal), `c` (another mode), `d/e`, and `f` (other
    /// bytes).
    static let linkTables: [(String, [[String]])] = [
        ("a missing path", [["a", "nowhere"]]),
        ("two missing paths", [["n", "nowhere"]]),
        ("a path below a file", [["a", "a/b"]]),
        ("a directory first", [["d", "z"]]),
        ("a directory second", [["a", "d"]]),
        ("another mode", [["a", "c"]]),
        ("other bytes", [["a", "f"]]),
        ("another type", [["a", "p"]]),
        ("a path twice in a group", [["a", "a"]]),
        ("a path in two groups", [["a", "b"], ["b", "d/e"]]),
        ("one name", [["a"]]),
        ("a path upwards", [["../outside", "a"]]),
        ("an absolute path", [["/a", "a"]]),
        ("an empty path", [["", "a"]]),
        ("groups out of order", [["b", "d/e"], ["a", "d/g"]]),
        ("names out of order", [["b", "a"]]),
    ]

    @Test(arguments: linkTables.indices) func `a link table that is none is refused`(index: Int) throws {
        let (name, groups) = Self.linkTables[index]
        let bench = try RestoreBench(trees: "/dev/shm")
        let tree = try HostileTree(bench)
        let inner = try tree.directory([HostileTree.file("e", "same"), HostileTree.file("g", "same")])
        let top = try tree.directory([
            HostileTree.file("a", "same"), HostileTree.file("b", "same"),
            HostileTree.file("c", "same") { $0.mode = 0o600 }, HostileTree.entry("d", .directory(inner)),
            HostileTree.file("f", "other"), HostileTree.entry("p", .fifo), HostileTree.file("z", "z"),
        ])
        let manifest = try tree.manifest(top, linkTable: HostileTree.linkTable(groups))
        let proof = Proof("P13")
        try bench.path("outside").write("canary")
        let error = #expect(throws: StoreError.self, "\(name)") { try bench.restore(manifest, load: tree.load) }
        proof.note("hostile link tables")
        proof.check(error?.code == .corrupt, "\(name): \(String(describing: error))")
        // What was begun is marked.
        proof.check(!bench.target.exists || bench.target.marker.exists, "\(name): no mark")
        let names = try Kernel.names(inDirectory: bench.path("")).map { String(decoding: $0, as: UTF8.self) }
        proof.check(Set(names).isSubset(of: ["target", "outside"]), "\(name): \(names)")
        let canary = try (bench.path("outside").text(), (bench.path("outside")).status().links)
        proof.check(canary == ("canary", 1), "\(name): the canary is \(canary)")
        let lost = proof.report("link tables that no capture writes")
        #expect(lost.isEmpty, "\(lost)")
    }

    @Test func `a link table is cut nowhere`() throws {
        let bench = try RestoreBench(trees: "/dev/shm")
        let tree = try HostileTree(bench)
        let top = try tree.directory([HostileTree.file("a", "same"), HostileTree.file("b", "same")])
        let table = HostileTree.linkTable([["a", "b"]])
        for length in 1..<table.count {
            let manifest = try tree.manifest(top, linkTable: Array(table[..<length]))
            let error = #expect(throws: StoreError.self) { try bench.restore(manifest, load: tree.load) }
            #expect(error?.code == .corrupt)
        }
        try bench.restore(try tree.manifest(top, linkTable: table), load: tree.load)
        #expect(try (bench.target + "/a").status().links == 2)
    }

    /// More chunks than are written together: whoever writes them, and whatever lies beside them.
    @Test(arguments: [1, 2]) func `a short file of very many chunks`(jobs: Int) throws {
        let bench = try RestoreBench(trees: "/dev/shm")
        let tree = try HostileTree(bench)
        var list = ListBuilder(cut: .contentDefined) { try tree.session.store($0, $1) }
        let bytes = (0..<5000).map { UInt8(truncatingIfNeeded: $0) }
        for byte in bytes { try list.append(.data(try tree.session.store(.chunk, [byte]), size: 1)) }
        let many = HostileTree.entry("b", .file(try list.finish()))
        let one = Content(
            cut: .contentDefined, length: UInt64(bytes.count),
            body: .segments([.data(try tree.session.store(.chunk, bytes), size: UInt32(bytes.count))]))
        let beside = ["a", "c"].map { HostileTree.entry($0, .file(one)) }
        let manifest = try tree.manifest(try tree.directory(beside + [many]))
        try bench.restore(manifest, load: tree.load) { $0.jobs = jobs }
        for name in ["a", "b", "c"] {
            #expect(try Kernel.readFile(bench.target + "/" + name, limit: 1 << 20) == bytes, "\(name)")
        }
    }

    /// ext4 gives a file at most 65,000 names: the next one begins another file, and is named.
    @Test func `more names than a file can have are those of two files`() throws {
        let bench = try RestoreBench()
        let tree = try HostileTree(bench)
        let names = (100_000..<166_000).map { "name \($0)" }
        let top = try tree.directory(names.map { HostileTree.file($0, "same") })
        let manifest = try tree.manifest(top, linkTable: HostileTree.linkTable([names]))
        let result = try bench.restore(manifest, load: tree.load)
        #expect(result.fileCount == UInt64(names.count))
        let first = try "\(bench.target)/\(names[0])".status()
        let last = try "\(bench.target)/\(names[65_999])".status()
        if first.inode == last.inode {
            #expect(first.links == 66_000)
            #expect(result.warnings.isEmpty)
        } else {
            #expect(first.links + last.links == 66_000)
            #expect(result.warnings.kept.map(\.code) == [.link])
        }
    }

    /// Refused by what is counted, each node once, before anything is written.
    @Test(arguments: ["bytes", "files", "directories", "data of one file", "holes of one file"])
    func `what stands for 2^40 things and more is refused at once`(kind: String) throws {
        let bench = try RestoreBench(trees: "/dev/shm")
        let tree = try HostileTree(bench)
        let top: Digest
        switch kind {
        case "bytes": top = try tree.doubled(40, bottom: [HostileTree.file("f", String(repeating: "x", count: 64))])
        case "files": top = try tree.doubled(40, bottom: [HostileTree.file("f")])
        case "directories": top = try tree.doubled(40, bottom: [])
        case "data of one file":
            let content = try tree.repeated(
                { .data(try tree.session.store(.chunk, Array("\($0)".utf8)), size: UInt32("\($0)".utf8.count)) },
                levels: 4)
            top = try tree.directory([HostileTree.entry("f", .file(content))])
        default:
            let content = try tree.repeated({ .zeros(size: UInt64($0)) }, levels: 4)
            top = try tree.directory([HostileTree.entry("f", .file(content))])
        }
        let manifest = try tree.manifest(top)
        for isNew in [true, false] {
            if !isNew { try (bench.target + "/old").write("old") }
            let loads = Counter()
            let load = tree.load
            let error = #expect(throws: StoreError.self) {
                try bench.restore(
                    manifest,
                    load: { key in
                        loads.increment()
                        return try load(key)
                    }
                ) { $0.overwrite = !isNew }
            }
            #expect(
                error?.code == (kind == "holes of one file" ? .invalid : .outOfSpace), "\(String(describing: error))")
            #expect(loads.value < 200)
            #expect(try Kernel.names(inDirectory: bench.target).count == (isNew ? 0 : 1))
        }
    }

    @Test func `names of one file do not need its room each`() throws {
        let bench = try RestoreBench(trees: "/dev/shm")
        let tree = try HostileTree(bench)
        // A file of a tenth of what is free, with twelve names: more than there is if each counted.
        let room = try Kernel.fileSystem(of: Kernel.open("/dev/shm", [.readOnly, .directory])).availableBytes
        let zeros = [UInt8](repeating: 0, count: 1 << 20)
        let megabyte = try tree.session.store(.chunk, zeros)
        // Not unpacked a thousand times.
        let stored = tree.load
        let load: SharedObjectLoader = { $0 == ObjectKey(.chunk, megabyte) ? zeros : try stored($0) }
        var list = ListBuilder(cut: .contentDefined) { try tree.session.store($0, $1) }
        for _ in 0..<(room / 10) >> 20 { try list.append(.data(megabyte, size: 1 << 20)) }
        let content = try list.finish()
        let names = (10..<22).map { "name \($0)" }
        let top = try tree.directory(names.map { HostileTree.entry($0, .file(content)) })
        let error = #expect(throws: StoreError.self) {
            try bench.restore(try tree.manifest(top), load: load)
        }
        #expect(error?.code == .outOfSpace)
        // Its bytes are zeros, which take no room when they are written.
        let linked = try tree.manifest(top, linkTable: HostileTree.linkTable([names]))
        try bench.restore(linked, load: load)
        #expect(try "\(bench.target)/\(names[0])".status().links == 12)
    }

    @Test func `lengths that add up to more than 2^64 do not trap`() throws {
        let bench = try RestoreBench(trees: "/dev/shm")
        let tree = try HostileTree(bench)
        let content = Content(cut: .contentDefined, length: 1 << 60, body: .segments([.zeros(size: 1 << 60)]))
        let top = try tree.directory((10..<30).map { HostileTree.entry("f\($0)", .file(content)) })
        let result = try bench.restore(try tree.manifest(top), load: tree.load)
        #expect(result.bytes == .max)
        #expect(try (bench.target + "/f10").status().size == 1 << 60)
    }

    @Test func `10,000 directories within each other come back`() throws {
        let bench = try RestoreBench(trees: "/dev/shm")
        let tree = try HostileTree(bench)
        let manifest = try tree.manifest(try tree.nested(10_000, name: "d", bottom: [HostileTree.file("f", "deep")]))
        try bench.restore(manifest, load: tree.load)
        #expect(try bench.capture(bench.target) == manifest)
        try bench.restore(manifest, load: tree.load) { $0.overwrite = true }
        #expect(try bench.capture(bench.target) == manifest)
    }

    /// 5,000 names of 255 bytes: a path alone may be 1.2 MB, but not one for each directory or warning.
    @Test(.enabled(if: isRoot, "skipped: not root")) func `long names at great depth take little memory`() throws {
        let bench = try RestoreBench(trees: "/dev/shm")
        let tree = try HostileTree(bench)
        let name = String(repeating: "n", count: 255)
        let manifest = try tree.manifest(
            try tree.nested(5_000, name: name, bottom: [HostileTree.file("f", "deep")]) { $0.uid = 1000 })
        _ = try tree.session.commit(SnapshotDraft(name: "t", tag: "1", manifest: manifest, kind: "directory"))
        let binary = try SnapstoreBinary(store: bench.storePath)
        let run = try Command.run(
            "/usr/bin/prlimit",
            [
                "--as=\(1 << 30)", binary.path, "restore", "t:1", bench.target, "--untrusted", "--quiet", "--store",
                bench.storePath,
            ])
        #expect(run.status == 3, "\(run.errors.suffix(1000))")
        #expect(run.errors.utf8.count < 10 << 20)
        #expect(!bench.target.marker.exists)
    }

    /// Would overflow the stack of whoever follows them.
    @Test func `list nodes of one level below each other are refused`() throws {
        let bench = try RestoreBench(trees: "/dev/shm")
        let tree = try HostileTree(bench)
        let hasher = try SHA256()
        var lists: [ObjectKey: [UInt8]] = [:]
        var digest = hasher.digest([])
        for _ in 0..<100_000 {
            let child = ListNode.Child(size: 1000, digest: digest)
            let other = ListNode.Child(size: 1000, digest: hasher.digest([1]))
            let bytes = ListNode.children(level: 7, [other, child]).encode()
            digest = hasher.digest(bytes)
            lists[ObjectKey(.list, digest)] = bytes
        }
        lists[ObjectKey(.list, hasher.digest([1]))] = ListNode.children(
            level: 7, [ListNode.Child(size: 2000, digest: digest)]
        ).encode()
        let content = Content(cut: .contentDefined, length: 2000, body: .list(digest))
        let manifest = try tree.manifest(try tree.directory([HostileTree.entry("f", .file(content))]))
        let error = #expect(throws: StoreError.self) {
            try bench.restore(manifest, load: oneAtATime { try lists[$0] ?? tree.load($0) })
        }
        #expect(error?.code == .corrupt)
    }

    @Test func `an object of another length than the tree says is refused`() throws {
        let bench = try RestoreBench(trees: "/dev/shm")
        let tree = try HostileTree(bench)
        let chunk = try tree.session.store(.chunk, patternBytes(3000))
        let entries = [
            HostileTree.entry(
                "f",
                .file(Content(cut: .contentDefined, length: 2000, body: .segments([.data(chunk, size: 2000)])))),
            HostileTree.file("g") {
                $0.attributes = [ExtendedAttribute(name: Array("user.a".utf8), value: .chunk(chunk, size: 2000))]
            },
        ]
        for (number, entry) in entries.enumerated() {
            let manifest = try tree.manifest(try tree.directory([entry]))
            let error = #expect(throws: StoreError.self) {
                try bench.restore(manifest, into: bench.path("\(number)"), load: tree.load)
            }
            #expect(error?.code == .corrupt)
            #expect(bench.path("\(number)").marker.exists)
        }
    }
}

/// Entries as large as the format allows.
@Suite struct RestoreLimitTests {
    @Test(.enabled(if: isRoot, "skipped: not root")) func `what fits is restored, and what does not is named`() throws {
        let bench = try RestoreBench()
        let tree = try HostileTree(bench)
        let attribute = { (name: String, value: ExtendedAttribute.Value) in
            ExtendedAttribute(name: Array(name.utf8), value: value)
        }
        let large = try tree.session.store(.chunk, patternBytes(65_536))
        let entries = [
            HostileTree.file(String(repeating: "n", count: 255), "name"),
            HostileTree.entry("link", .symbolicLink(Array(repeating: 120, count: 4095))),
            HostileTree.file("attribute") { $0.attributes = [attribute("user.large", .chunk(large, size: 65_536))] },
            HostileTree.file("attributes") {
                $0.attributes = (100..<220).map { attribute("user.\($0)", .inline(patternBytes(1000))) }
            },
            HostileTree.file("early") { $0.modified = Timestamp(seconds: .min, nanoseconds: 0) },
            HostileTree.file("late") { $0.modified = Timestamp(seconds: .max, nanoseconds: 999_999_999) },
            HostileTree.file("owner") {
                $0.uid = Limits.idMax
                $0.gid = Limits.idMax
            },
            HostileTree.entry("device", .characterDevice(major: .max, minor: .max)),
        ]
        let result = try bench.restore(try tree.manifest(try tree.directory(entries)), load: tree.load)
        let named = Set(result.warnings.kept.map { "\($0.code) \(String(decoding: $0.path, as: UTF8.self))" })
        #expect(named.contains("unsupported early") && named.contains("unsupported late"))
        #expect(
            named.isSubset(of: [
                "unsupported early", "unsupported late", "attribute attribute", "attribute attributes", "device device",
            ]))
        #expect(try "\(bench.target)/\(String(repeating: "n", count: 255))".text() == "name")
        #expect(try (bench.target + "/link").linkStatus().st_size == 4095)
        #expect(try (bench.target + "/owner").status().uid == Limits.idMax)
        #expect(!bench.target.marker.exists)
    }
}
