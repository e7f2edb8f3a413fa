import SnapIO
import SnapModel
import SnapPacks
import TestSupport
import Testing

/// What every back end of packs must do.
@Suite struct BackendTests {
    private func code(_ body: () throws -> Void) -> PackError.Code? {
        do {
            try body()
            return nil
        } catch { return (error as? PackError)?.code }
    }

    @Test(arguments: BackendKind.allCases)
    func whatIsFinishedIsThere(_ kind: BackendKind) throws {
        let backend = try Fixture(kind)
        let id = PackID()
        let upload = try backend.begin(scope: "local", id: id)
        for piece: [UInt8] in [[1, 2], [], [3], [4, 5, 6]] { try upload.append(piece) }
        try upload.finish()
        #expect(try backend.size(scope: "local", id: id) == 6)
        #expect(try backend.all(id) == [1, 2, 3, 4, 5, 6])
        #expect(try backend.list(scope: "local") == [id])
        #expect(try backend.scopes() == ["local"])
    }

    @Test(arguments: BackendKind.allCases)
    func nothingIsThereBeforeItIsFinished(_ kind: BackendKind) throws {
        let fixture = try Fixture(kind)
        let id = PackID()
        let upload = try fixture.begin(scope: "local", id: id)
        try upload.append([1, 2, 3])
        #expect(code { _ = try fixture.size(scope: "local", id: id) } == .missing)
        #expect(code { _ = try fixture.all(id) } == .missing)
        #expect(try fixture.list(scope: "local").isEmpty)
        upload.abandon()
        #expect(try fixture.list(scope: "local").isEmpty)
        #expect(try fixture.files().isEmpty)
        // The name is free.
        try fixture.put(id, [9])
        #expect(try fixture.all(id) == [9])
    }

    @Test(arguments: BackendKind.allCases)
    func rangesAreExact(_ kind: BackendKind) throws {
        let backend = try Fixture(kind)
        let id = PackID()
        try backend.put(id, [0, 1, 2, 3, 4])
        for start in 0...5 {
            for count in 0...(5 - start) {
                let bytes = try backend.read(scope: "local", id: id, offset: UInt64(start), count: count)
                #expect(bytes == (start..<(start + count)).map { UInt8($0) })
            }
        }
        for (offset, count): (UInt64, Int) in [
            (0, 6), (5, 1), (4, 2), (6, 1), (100, 1), (.max, 1), (UInt64(Int64.max), 1), (1 << 63, 5), (0, -1),
            (1, .min),
        ] {
            #expect(
                code { _ = try backend.read(scope: "local", id: id, offset: offset, count: count) } == .corrupt,
                "\(count) bytes at \(offset)")
        }
    }

    @Test(arguments: BackendKind.allCases)
    func whatIsNotThereIsMissing(_ kind: BackendKind) throws {
        let backend = try Fixture(kind)
        let (id, other) = (PackID(), PackID())
        try backend.put(id, [1])
        #expect(code { _ = try backend.size(scope: "local", id: other) } == .missing)
        #expect(code { _ = try backend.size(scope: "other", id: id) } == .missing)
        #expect(code { _ = try backend.read(scope: "local", id: other, offset: 0, count: 0) } == .missing)
        #expect(try backend.list(scope: "other").isEmpty)
    }

    @Test(arguments: BackendKind.allCases)
    func deletionIsForGoodAndMayBeRepeated(_ kind: BackendKind) throws {
        let backend = try Fixture(kind)
        let (id, kept) = (PackID(), PackID())
        try backend.put(id, [1])
        try backend.put(kept, [2])
        try backend.delete(scope: "local", id: id)
        #expect(code { _ = try backend.all(id) } == .missing)
        try backend.delete(scope: "local", id: id)
        try backend.delete(scope: "nowhere", id: id)
        #expect(try backend.all(kept) == [2])
        #expect(try backend.list(scope: "local") == [kept])
        // What a session that died left unfinished goes as well.
        let left = PackID()
        let upload = try backend.begin(scope: "local", id: left)
        try upload.append([1])
        try backend.delete(scope: "local", id: left)
        #expect(try backend.files().count == (kind == .local ? 1 : 0))
    }

    @Test(arguments: BackendKind.allCases)
    func scopesAreApart(_ kind: BackendKind) throws {
        let backend = try Fixture(kind)
        let id = PackID()
        try backend.put(id, [1], scope: "a")
        try backend.put(id, [2], scope: "b")
        #expect(try backend.all(id, scope: "a") == [1])
        #expect(try backend.all(id, scope: "b") == [2])
        try backend.delete(scope: "a", id: id)
        #expect(try backend.all(id, scope: "b") == [2])
        #expect(Set(try backend.scopes()).isSuperset(of: ["b"]))
    }

    @Test(arguments: BackendKind.allCases)
    func manyPacks(_ kind: BackendKind) throws {
        let backend = try Fixture(kind)
        var expected: [PackID: [UInt8]] = [:]
        for number in 0..<300 {
            let id = PackID()
            expected[id] = [UInt8(truncatingIfNeeded: number)]
            try backend.put(id, [UInt8(truncatingIfNeeded: number)])
        }
        let found = try backend.list(scope: "local")
        #expect(found.count == 300 && Set(found) == Set(expected.keys))
        for (id, bytes) in expected { #expect(try backend.all(id) == bytes) }
    }

    @Test(arguments: BackendKind.allCases)
    func severalAtOnce(_ kind: BackendKind) throws {
        let backend = try Fixture(kind)
        let pool = try WorkerPool(threads: 4, queueMax: 8)
        let ids = (0..<64).map { _ in PackID() }
        for (number, id) in ids.enumerated() {
            try pool.submit {
                try backend.put(id, [UInt8](repeating: UInt8(number), count: 1000))
                guard try backend.all(id) == [UInt8](repeating: UInt8(number), count: 1000) else {
                    throw PackError(.corrupt, "mixed up")
                }
                guard try backend.scopes() == ["local"], try !backend.list(scope: "local").isEmpty else {
                    throw PackError(.missing, "nothing is there")
                }
                if number % 2 == 0 { try backend.delete(scope: "local", id: id) }
            }
        }
        try pool.wait()
        #expect(
            Set(try backend.list(scope: "local")) == Set(ids.enumerated().filter { $0.offset % 2 == 1 }.map(\.element)))
    }

    /// Names of packs come from random bytes and from the catalogue, never from a stranger; other text is none.
    @Test func namesOfPacks() throws {
        let id = PackID()
        #expect(PackID(id.description) == id && PackID(bytes: id.bytes) == id)
        for text in [
            "", "../../etc/passwd", id.description + "0", String(id.description.dropLast()),
            id.description.uppercased() + "", "0x" + id.description.dropFirst(2),
        ] where text != id.description { #expect(PackID(text) == nil, "\(text)") }
        #expect(PackID(bytes: []) == nil && PackID(bytes: [UInt8](repeating: 0, count: 17)) == nil)
    }
}

/// What only a directory can have.
@Suite struct LocalBackendTests {
    /// Files of others in the store's directories are not packs, and no reason to fail.
    @Test func strangersAreOverlooked() throws {
        let fixture = try Fixture(.local)
        let root = try #require(fixture.directory).path
        let id = PackID()
        try fixture.put(id, [1])
        let parent = "\(root)/local/\(id.description.prefix(2))"
        let elsewhere = id.description.hasPrefix("00") ? "11" : "00"
        for path in [
            "\(root)/README", "\(root)/local/README", "\(parent)/README", "\(parent)/\(PackID()).pack.new",
            "\(parent)/x.pack", "\(parent)/.pack", "\(parent)/\(id).copy",
            "\(root)/local/\(id.description.prefix(1))/\(id).pack", "\(root)/local/\(elsewhere)/\(id).pack",
            "\(root)/a/lost+found/x",
        ] {
            try Kernel.makeParentDirectories(of: path)
            try path.write([1])
        }
        #expect(try fixture.list(scope: "local") == [id])
        #expect(Set(try fixture.scopes()) == ["local", "a"])
        #expect(try fixture.list(scope: "README").isEmpty)
        #expect(try fixture.list(scope: "a").isEmpty)
    }

    /// Any durable operation may fail: no pack is there that was not said to be, and nothing is left after abandoning.
    @Test(arguments: [28, 5])
    func anyOperationMayFail(_ errno: CInt) throws {
        let disk = Disk()
        try Fixture(.local, disk: disk).put(PackID(), [1, 2, 3])
        let gates = disk.gatesPassed
        #expect(gates == 9)
        for number in 1...gates {
            let fixture = try Fixture(.local, disk: Disk(observer: FailAtGate(number: number, errno: errno)))
            let id = PackID()
            var upload: (any PackUpload)?
            let error = #expect(throws: IOError.self, "gate \(number)") {
                upload = try fixture.begin(scope: "local", id: id)
                try upload?.append([1, 2, 3])
                try upload?.finish()
            }
            #expect(error?.errno == errno)
            upload?.abandon()
            #expect(try fixture.files().isEmpty, "gate \(number)")
            #expect(try fixture.list(scope: "local").isEmpty)
            // The disk is well again.
            try fixture.put(id, [4])
            #expect(try fixture.all(id) == [4])
        }
    }
}
