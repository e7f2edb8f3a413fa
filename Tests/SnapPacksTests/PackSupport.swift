import SnapDigest
import SnapIO
import SnapModel
import SnapPacks
import TestSupport

/// The back ends that every test of the interface runs over.
enum BackendKind: CaseIterable {
    case local
    case memory
}

/// A back end with what it needs to live.
struct Fixture: PackBackend {
    private let backend: any PackBackend
    /// Of a local back end; removed with the last copy of this value.
    let directory: TemporaryDirectory?

    init(_ kind: BackendKind, disk: Disk = Disk()) throws {
        switch kind {
        case .local:
            let directory = TemporaryDirectory(in: "/dev/shm")
            self.directory = directory
            backend = try LocalPackBackend(root: directory.path, disk: disk)
        case .memory:
            directory = nil
            backend = MemoryPackBackend()
        }
    }

    func begin(scope: String, id: PackID) throws -> any PackUpload { try backend.begin(scope: scope, id: id) }
    func size(scope: String, id: PackID) throws -> UInt64 { try backend.size(scope: scope, id: id) }
    func list(scope: String) throws -> [PackID] { try backend.list(scope: scope) }
    func delete(scope: String, id: PackID) throws { try backend.delete(scope: scope, id: id) }
    func scopes() throws -> [String] { try backend.scopes() }
    func read(scope: String, id: PackID, offset: UInt64, count: Int) throws -> [UInt8] {
        try backend.read(scope: scope, id: id, offset: offset, count: count)
    }

    /// Every file below a local back end, unfinished ones too.
    func files() throws -> [String] {
        guard let directory else { return [] }
        return try Command.run("/usr/bin/find", [directory.path, "-type", "f"]).output
            .split(separator: "\n").map(String.init)
    }
}

extension PackUpload {
    func append(_ bytes: [UInt8]) throws { try bytes.withUnsafeBytes { try append($0) } }
}

extension PackBackend {
    func put(_ id: PackID, _ bytes: [UInt8], scope: String = "local") throws {
        let upload = try begin(scope: scope, id: id)
        try upload.append(bytes)
        try upload.finish()
    }

    func all(_ id: PackID, scope: String = "local") throws -> [UInt8] {
        try read(scope: scope, id: id, offset: 0, count: Int(size(scope: scope, id: id)))
    }

    /// Every object of a pack, each checked against its digest.
    func objects(_ id: PackID, scope: String = "local") throws -> [(key: ObjectKey, bytes: [UInt8])] {
        let index = try PackIndex.read(backend: self, scope: scope, id: id)
        let decoder = try FrameDecoder()
        let frames = try index.frames.map { frame in
            try decoder.decode(
                try read(scope: scope, id: id, offset: frame.offset, count: Int(frame.storedBytes)), frame)
        }
        return try index.objects.map { object in
            let end = Int(object.position) + Int(object.length)
            guard end <= frames[object.frame].count else { throw PackError(.corrupt, "outside its frame") }
            let bytes = Array(frames[object.frame][Int(object.position)..<end])
            guard try SHA256().digest(bytes) == object.key.digest else { throw PackError(.corrupt, "another digest") }
            return (object.key, bytes)
        }
    }
}

/// What went into a writer, and the packs that came out.
final class Written {
    /// With their bytes, unless those are too many to keep: other tests measure this process's memory.
    var objects: [(key: ObjectKey, bytes: [UInt8])] = []
    var keepsBytes = true
    var sealed: [SealedPack] = []
    private let hasher: SHA256

    init() throws { hasher = try SHA256() }

    func append(_ kind: ObjectKind, _ bytes: [UInt8], to writer: PackWriter) throws {
        let key = ObjectKey(kind, hasher.digest(bytes))
        try bytes.withUnsafeBytes { try writer.append(key, $0) }
        objects.append((key, keepsBytes ? bytes : []))
    }

    func keys(_ isWanted: (ObjectKind) -> Bool) -> [ObjectKey] { objects.map(\.key).filter { isWanted($0.kind) } }

    func writer(_ backend: any PackBackend, threads: Int = 2) throws -> PackWriter {
        try PackWriter(
            backend: backend, scope: "local", threads: threads, allocate: { PackID() },
            sealed: { [self] in sealed.append($0) })
    }
}

/// Encodings of `docs/format.md` sections 9 and 10, written once more.
enum NaivePack {
    static func fixed(_ value: UInt64, bytes: Int) -> [UInt8] {
        (0..<bytes).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) }
    }

    static let header = Array("SNAPPACK".utf8) + [1, 0, 0, 0, 0, 0, 0, 0]

    static func footer(_ index: PackIndex) -> [UInt8] {
        Naive.varint(UInt64(index.frames.count))
            + index.frames.enumerated().flatMap { number, frame -> [UInt8] in
                let objects = index.objects.filter { $0.frame == number }
                return [frame.codec.rawValue] + Naive.varint(UInt64(frame.storedBytes))
                    + Naive.varint(UInt64(frame.rawBytes))
                    + frame.check + Naive.varint(UInt64(objects.count))
                    + objects.flatMap {
                        [$0.key.kind.rawValue] + Naive.varint(UInt64($0.length)) + $0.key.digest.bytes
                    }
            }
    }

    static func pack(frames: [UInt8], footer: [UInt8]) throws -> [UInt8] {
        try header + frames + footer + fixed(UInt64(footer.count), bytes: 4) + SHA256().digest(footer).bytes
            + Array("KCAPPANS".utf8)
    }

    /// A small pack with a compressed and a raw frame, and objects of every kind.
    static func sample() throws -> [UInt8] {
        let backend = MemoryPackBackend()
        let written = try Written()
        let writer = try written.writer(backend)
        var generator = SeededGenerator(seed: 1)
        try written.append(.chunk, generator.bytes(40), to: writer)
        try written.append(.chunk, [7], to: writer)
        try written.append(.tree, [UInt8](repeating: 7, count: 300), to: writer)
        for kind in [ObjectKind.list, .manifest, .record] { try written.append(kind, [kind.rawValue], to: writer) }
        try writer.finish()
        return try backend.all(written.sealed[0].id)
    }
}

/// Makes the durable operation with one number fail, as a broken disk would.
struct FailAtGate: GateObserver {
    let number: Int
    let errno: CInt

    var wantsBytes: Bool { false }

    func willPass(_ number: Int, _ operation: GateOperation) throws(IOError) {
        if number == self.number { throw IOError(errno: errno, operation: "gate \(number)", path: "") }
    }

    func didPass(_ number: Int, _ operation: GateOperation) {}
}
