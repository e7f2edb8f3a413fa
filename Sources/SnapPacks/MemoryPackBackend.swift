internal import Synchronization

/// Packs in memory: for streams that carry packs, and for tests.
package final class MemoryPackBackend: PackBackend {
    private struct Key: Hashable {
        let scope: String
        let id: PackID
    }

    private let packs = Mutex<[Key: [UInt8]]>([:])

    package init() {}

    package func begin(scope: String, id: PackID) throws -> any PackUpload {
        Upload { [self] bytes in put(scope: scope, id: id, bytes) }
    }

    package func read(scope: String, id: PackID, offset: UInt64, count: Int) throws -> [UInt8] {
        let pack = try bytes(scope: scope, id: id)
        guard let start = Int(exactly: offset), start <= pack.count, count >= 0, count <= pack.count - start else {
            throw PackError(.corrupt, "The pack \(id) of `\(scope)` is shorter than it should be.")
        }
        return Array(pack[start..<(start + count)])
    }

    package func size(scope: String, id: PackID) throws -> UInt64 {
        UInt64(try bytes(scope: scope, id: id).count)
    }

    package func list(scope: String) throws -> [PackID] {
        packs.withLock { $0.keys.filter { $0.scope == scope }.map(\.id) }
    }

    package func delete(scope: String, id: PackID) throws {
        packs.withLock { $0[Key(scope: scope, id: id)] = nil }
    }

    package func scopes() throws -> [String] {
        packs.withLock { Array(Set($0.keys.map(\.scope))) }
    }

    /// All bytes of a pack.
    package func bytes(scope: String, id: PackID) throws -> [UInt8] {
        guard let pack = packs.withLock({ $0[Key(scope: scope, id: id)] }) else {
            throw PackError(.missing, "The pack \(id) of `\(scope)` is missing.")
        }
        return pack
    }

    /// Puts a pack there as it is.
    package func put(scope: String, id: PackID, _ bytes: [UInt8]) {
        packs.withLock { $0[Key(scope: scope, id: id)] = bytes }
    }

    private final class Upload: PackUpload {
        private var bytes: [UInt8] = []
        private let publish: ([UInt8]) -> Void

        init(publish: @escaping ([UInt8]) -> Void) {
            self.publish = publish
        }

        func append(_ more: UnsafeRawBufferPointer) throws { bytes.append(contentsOf: more) }
        func finish() throws { publish(bytes) }
        func abandon() { bytes = [] }
    }
}
