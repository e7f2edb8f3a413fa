import SnapDigest
import SnapIO
import SnapModel
import SnapPacks
import TestSupport
import Testing

/// How objects become frames and packs.
@Suite struct PackWriterTests {
    /// Checks every pack written, and gives the keys in the order of packs, frames and positions.
    @discardableResult
    private func check(_ written: Written, _ backend: any PackBackend) throws -> [[ObjectKey]] {
        let expected = Dictionary(written.objects.map { ($0.key, $0.bytes) }) { first, _ in first }
        #expect(Set(try backend.list(scope: "local")) == Set(written.sealed.map(\.id)))
        return try written.sealed.map { pack in
            #expect(try PackIndex.read(backend: backend, scope: "local", id: pack.id) == pack.index)
            #expect(try backend.size(scope: "local", id: pack.id) == pack.bytes)
            let objects = try backend.objects(pack.id)
            for (key, bytes) in objects { #expect(expected[key] == bytes) }
            return objects.map(\.key)
        }
    }

    @Test(arguments: BackendKind.allCases)
    func aLittleOfEverythingIsOnePack(_ kind: BackendKind) throws {
        let backend = try Fixture(kind)
        let written = try Written()
        let writer = try written.writer(backend)
        var generator = SeededGenerator(seed: 1)
        for number in 0..<200 {
            let kind = ObjectKind.allCases[number % 5]
            try written.append(kind, generator.bytes(1 + number * 20), to: writer)
        }
        try writer.finish()
        let packs = try check(written, backend)
        #expect(packs.count == 1)
        // Chunks first, then the rest; each in its order.
        #expect(packs[0] == written.keys { $0 == .chunk } + written.keys { $0 != .chunk })
    }

    /// Below 1 MiB of frames and footer there is one pack; from there on chunks and metadata are apart.
    @Test(arguments: [(1_048_000, 1), (1_048_576, 2)])
    func mixedPacksStayBelowOneMebibyte(_ total: Int, _ packs: Int) throws {
        let backend = MemoryPackBackend()
        let written = try Written()
        let writer = try written.writer(backend)
        var generator = SeededGenerator(seed: 2)
        try written.append(.chunk, generator.bytes(524_288), to: writer)
        try written.append(.tree, generator.bytes(262_160), to: writer)
        try written.append(.tree, generator.bytes(total - 524_288 - 262_160), to: writer)
        try writer.finish()
        try check(written, backend)
        #expect(written.sealed.count == packs)
        if packs == 2 {
            for pack in written.sealed { #expect(Set(pack.index.objects.map { $0.key.kind == .chunk }).count == 1) }
        }
    }

    @Test func framesAreGroupedTo1MiB() throws {
        let backend = MemoryPackBackend()
        let written = try Written()
        let writer = try written.writer(backend)
        var generator = SeededGenerator(seed: TestScale.seed("grouping"))
        for size in [1_048_575, 1, 1, 1 << 20, 100_000, 800_000, 200_000] {
            try written.append(.chunk, generator.bytes(size), to: writer)
        }
        for _ in 0..<2000 { try written.append(.chunk, generator.bytes(Int(generator.next() % 5000) + 1), to: writer) }
        try writer.finish()
        try check(written, backend)
        let frames = written.sealed.flatMap { pack in
            pack.index.frames.indices.map { number in pack.index.objects.filter { $0.frame == number } }
        }
        #expect(
            frames.prefix(4).map { $0.map(\.length) } == [
                [1_048_575, 1], [1], [1 << 20], [100_000, 800_000],
            ])
        for (frame, next) in zip(frames, frames.dropFirst()) {
            let size = frame.reduce(0) { $0 + Int($1.length) }
            #expect(size <= 1 << 20 || frame.count == 1)
            #expect(size + Int(next[0].length) > 1 << 20 || size >= 1 << 20, "a frame was closed too early")
        }
    }

    @Test func packsAreSealedAt32MiB() throws {
        let backend = try Fixture(.local)
        let written = try Written()
        written.keepsBytes = false
        let writer = try written.writer(backend)
        var generator = SeededGenerator(seed: 3)
        for _ in 0..<70 {
            try written.append(.chunk, generator.bytes(1 << 20), to: writer)
            // What is durable already is said while the writer goes on.
            #expect(written.sealed.count <= 2)
        }
        #expect(written.sealed.count >= 1)
        try writer.finish()
        #expect(written.sealed.map(\.index.objects.count) == [32, 32, 6])
        #expect(written.sealed.flatMap { $0.index.objects.map(\.key) } == written.keys { $0 == .chunk })
        for pack in written.sealed {
            #expect(try PackIndex.read(backend: backend, scope: "local", id: pack.id) == pack.index)
        }
        for pack in written.sealed.dropLast() { #expect((32 << 20..<33 << 20).contains(Int(pack.bytes))) }
    }

    /// Frames take longer or shorter to compress; packs have them in the order they were given in.
    @Test(arguments: [1, 4, 9])
    func orderIsKeptWithAnyNumberOfThreads(_ threads: Int) throws {
        let backend = MemoryPackBackend()
        let written = try Written()
        let writer = try written.writer(backend, threads: threads)
        var generator = SeededGenerator(seed: TestScale.seed("order"))
        for number in 0..<60 {
            let size = Int(generator.next() % 400_000) + 1
            let flat = [UInt8](repeating: UInt8(number), count: size)
            try written.append(
                number % 4 == 3 ? .tree : .chunk,
                Array((number % 3 == 0 ? generator.bytes(size) : flat).prefix(number % 4 == 3 ? 200_000 : size)),
                to: writer)
        }
        try writer.finish()
        let packs = try check(written, backend)
        #expect(packs.flatMap { $0 }.filter { $0.kind == .chunk } == written.keys { $0 == .chunk })
        #expect(packs.flatMap { $0 }.filter { $0.kind == .tree } == written.keys { $0 == .tree })
    }

    @Test func nothingGivesNoPack() throws {
        let backend = MemoryPackBackend()
        let written = try Written()
        try written.writer(backend).finish()
        #expect(try backend.list(scope: "local").isEmpty && written.sealed.isEmpty)
    }

    @Test func objectsBeyondTheirLimitAreRefused() throws {
        let backend = MemoryPackBackend()
        let written = try Written()
        let writer = try written.writer(backend)
        for kind in ObjectKind.allCases {
            let most = Limits.bytesMax(of: kind)
            for size in [0, most + 1] {
                let error = #expect(throws: FormatError.self) {
                    try written.append(kind, [UInt8](repeating: 1, count: size), to: writer)
                }
                #expect(error?.code == .limit)
            }
            try written.append(kind, [UInt8](repeating: kind.rawValue, count: most), to: writer)
            try written.append(kind, [kind.rawValue], to: writer)
        }
        try writer.finish()
        try check(written, backend)
    }

    /// What gains less than 3 % is stored as it is: codec 0 has the raw bytes.
    @Test func bytesThatDoNotCompressAreStoredRaw() throws {
        let backend = MemoryPackBackend()
        let written = try Written()
        let writer = try written.writer(backend)
        var generator = SeededGenerator(seed: 4)
        try written.append(.chunk, generator.bytes(600_000), to: writer)
        try written.append(.chunk, [UInt8](repeating: 1, count: 600_000), to: writer)
        try written.append(.chunk, generator.bytes(570_000) + [UInt8](repeating: 1, count: 30_000), to: writer)
        try writer.finish()
        try check(written, backend)
        let frames = written.sealed.flatMap(\.index.frames)
        #expect(frames.map(\.codec) == [.raw, .zstd, .zstd])
        #expect(frames.allSatisfy { $0.codec == .raw ? $0.storedBytes == $0.rawBytes : $0.storedBytes < $0.rawBytes })
    }
}

/// Failures and second thoughts.
@Suite struct PackWriterFailureTests {
    @Test(arguments: [
        (BackendKind.local, 0), (.local, 1), (.local, 3), (.local, 40), (.memory, 0), (.memory, 1), (.memory, 3),
    ])
    func abandoningLeavesOnlySealedPacks(_ kind: BackendKind, _ mebibytes: Int) throws {
        let fixture = try Fixture(kind)
        let written = try Written()
        written.keepsBytes = false
        let writer = try written.writer(fixture)
        var generator = SeededGenerator(seed: 5)
        for _ in 0..<mebibytes { try written.append(.chunk, generator.bytes(1 << 20), to: writer) }
        try written.append(.tree, generator.bytes(1000), to: writer)
        writer.abandon()
        #expect(Set(try fixture.list(scope: "local")) == Set(written.sealed.map(\.id)))
        if kind == .local { #expect(try fixture.files().count == written.sealed.count) }
    }

    /// An error of the back end is thrown by the append or finish that meets it; a writer then leaves nothing behind.
    @Test func errorsOfTheBackEndAreThrown() throws {
        func run(_ disk: Disk) throws -> (error: (any Error)?, files: Int, sealed: Int) {
            let fixture = try Fixture(.local, disk: disk)
            let written = try Written()
            let writer = try written.writer(fixture)
            var generator = SeededGenerator(seed: 6)
            do {
                for _ in 0..<5 {
                    try written.append(.chunk, generator.bytes(600_000), to: writer)
                    try written.append(.tree, generator.bytes(200_000), to: writer)
                }
                try writer.finish()
                return (nil, try fixture.files().count, written.sealed.count)
            } catch {
                writer.abandon()
                return (error, try fixture.files().count, written.sealed.count)
            }
        }
        let disk = Disk()
        #expect(try run(disk).sealed == 2)
        let gates = disk.gatesPassed
        #expect(gates > 20)
        for number in 1...gates {
            let (error, files, sealed) = try run(Disk(observer: FailAtGate(number: number, errno: 28)))
            #expect((error as? IOError)?.isOutOfSpace == true, "gate \(number)")
            #expect(files == sealed, "gate \(number)")
        }
    }

    struct Stop: Error {}

    @Test func errorsOfTheCallerAreThrown() throws {
        let fixture = try Fixture(.local)
        var generator = SeededGenerator(seed: 7)
        let bytes = generator.bytes(1 << 20)
        let key = ObjectKey(.chunk, try SHA256().digest(bytes))
        for failsInAllocate in [true, false] {
            let writer = try PackWriter(
                backend: fixture, scope: "local", threads: 2,
                allocate: {
                    if failsInAllocate { throw Stop() }
                    return PackID()
                }, sealed: { _ in throw Stop() })
            #expect(throws: Stop.self) {
                try bytes.withUnsafeBytes { try writer.append(key, $0) }
                try writer.finish()
            }
            writer.abandon()
        }
        // The second pack was durable before its owner was told: it is the owner's to remove.
        #expect(try fixture.files().count == 1)
    }
}
