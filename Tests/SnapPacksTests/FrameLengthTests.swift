import SnapDigest
import SnapModel
import SnapPacks
import TestSupport
import Testing

/// Bytes that have the right check, under another length than the index gives them.
@Suite struct FrameLengthTests {
    @Test(arguments: [FrameCodec.raw, .zstd]) func theLengthIsCheckedToo(_ codec: FrameCodec) throws {
        let raw = [UInt8](repeating: 7, count: 1000)
        let stored = codec == .raw ? raw : try FrameCompressor().compress(raw).stored
        let check = Array(try SHA256().digest(stored).bytes.prefix(FrameInfo.checkBytes))
        let decoder = try FrameDecoder()
        func decode(_ more: Int) throws -> [UInt8] {
            let info = FrameInfo(
                offset: 16, storedBytes: UInt32(stored.count + more),
                rawBytes: UInt32(codec == .raw ? raw.count + more : raw.count), codec: codec, check: check)
            return try decoder.decode(stored, info)
        }
        #expect(try decode(0) == raw)
        for more in [-1, 1] {
            let error = #expect(throws: PackError.self) { try decode(more) }
            #expect(error?.code == .corrupt)
        }
    }

    /// A footer with everything right but that a frame takes no bytes.
    @Test(arguments: [(FrameCodec.zstd, 0, 5), (.zstd, 0, 0), (.raw, 0, 0), (.raw, 0, 5)])
    func aFrameOfNoBytes(_ codec: FrameCodec, stored: UInt64, raw: UInt64) throws {
        let object = [ObjectKind.chunk.rawValue] + Naive.varint(raw) + [UInt8](repeating: 7, count: 32)
        let footer =
            [1, codec.rawValue] + Naive.varint(stored) + Naive.varint(raw) + [UInt8](repeating: 0, count: 16)
            + (raw == 0 ? [0] : [1] + object)
        let backend = MemoryPackBackend()
        let id = PackID()
        backend.put(scope: "local", id: id, try NaivePack.pack(frames: [], footer: footer))
        let error = #expect(throws: PackError.self) {
            try PackIndex.read(backend: backend, scope: "local", id: id)
        }
        #expect(error?.code == .corrupt)
    }

    /// More than 64 MiB of footer are not even asked for, whatever room the pack has for them.
    @Test func aFooterBeyondTheLimit() throws {
        let backend = LongFooter(bytes: (64 << 20) + 1)
        let error = #expect(throws: PackError.self) {
            try PackIndex.read(backend: backend, scope: "local", id: PackID())
        }
        #expect(error?.code == .corrupt && error?.message.contains("longer") == true, "\(String(describing: error))")
    }
}

/// A pack of 4 GiB whose trailer tells of a footer of so many bytes, and which has nothing else.
private struct LongFooter: PackBackend {
    let bytes: UInt64

    private static let size: UInt64 = 4 << 30

    func read(scope: String, id: PackID, offset: UInt64, count: Int) throws -> [UInt8] {
        if offset == 0 { return NaivePack.header }
        guard offset + UInt64(count) == Self.size else { throw PackError(.missing, "There are no such bytes.") }
        return NaivePack.fixed(bytes, bytes: 4) + [UInt8](repeating: 0, count: 32) + Array("KCAPPANS".utf8)
    }

    func size(scope: String, id: PackID) throws -> UInt64 { Self.size }
    func list(scope: String) throws -> [PackID] { [] }
    func scopes() throws -> [String] { [] }
    func delete(scope: String, id: PackID) throws {}
    func begin(scope: String, id: PackID) throws -> any PackUpload { throw PackError(.missing, "Nothing is written.") }
}
