import SnapDigest
import SnapModel
import SnapPacks
import Testing

/// A pack written by another program is read as what it holds.
@Suite struct PackVectorTests {
    @Test func packIsRead() throws {
        let vector = try Vectors.all.get().pack
        let backend = OnePack(bytes: vector.hex.value)
        let index = try PackIndex.read(backend: backend, scope: "local", id: PackID())
        #expect(index.frames.count == vector.frames.count)
        let decoder = try FrameDecoder()
        for (number, (frame, expected)) in zip(index.frames, vector.frames).enumerated() {
            #expect(frame.offset == expected.offset)
            #expect(frame.rawBytes == expected.raw)
            #expect(frame.check == expected.check.value)
            let start = Int(frame.offset)
            let raw = try decoder.decode(Array(backend.bytes[start..<start + Int(frame.storedBytes)]), frame)
            let objects = index.objects.filter { $0.frame == number }
            #expect(objects.map(\.key) == expected.objects.map(\.key))
            #expect(objects.map(\.length) == expected.objects.map(\.length))
            for object in objects {
                let bytes = Array(raw[Int(object.position)..<Int(object.position) + Int(object.length)])
                #expect(try digest(bytes) == object.key.digest)
            }
        }
    }
}

/// A back end that holds one pack in memory.
struct OnePack: PackBackend {
    let bytes: [UInt8]

    func begin(scope: String, id: PackID) throws -> any PackUpload { throw PackError(.io, "read only") }

    func read(scope: String, id: PackID, offset: UInt64, count: Int) throws -> [UInt8] {
        guard offset <= bytes.count, count <= bytes.count - Int(offset) else { throw PackError(.corrupt, "too short") }
        return Array(bytes[Int(offset)..<Int(offset) + count])
    }

    func size(scope: String, id: PackID) throws -> UInt64 { UInt64(bytes.count) }
    func list(scope: String) throws -> [PackID] { [] }
    func delete(scope: String, id: PackID) throws {}
    func scopes() throws -> [String] { [] }
}
