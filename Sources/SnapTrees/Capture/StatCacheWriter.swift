import SnapDigest
import SnapIO
import SnapModel

/// Another walk of the same root is writing its stat cache.
struct StatCacheBusy: Error {}

/// Writes a stat cache from front to back, beside the old one.
final class StatCacheWriter {
    private let path: String
    private let file: Descriptor
    private let hasher: SHA256
    private var offset = UInt64(StatCacheFile.headBytes)
    private var block = ByteWriter()
    private var lastPath: [UInt8] = []

    /// - Throws: when the file cannot be made, or another walk of the same root is writing it.
    init(path: String) throws {
        self.path = path
        hasher = try SHA256()
        // One name for the new file, so that a killed walk leaves one file at most. Its lock goes with its process.
        file = try Kernel.open(path + ".new", [.readWrite, .create, .noFollow])
        guard try Kernel.tryLock(file) else { throw StatCacheBusy() }
        try Kernel.truncate(file, to: 0)
        try StatCacheFile.magic.withUnsafeBytes { try Kernel.write(file, $0, at: 0) }
    }

    func append(_ note: StatNote) throws {
        try note.write(to: &block, after: lastPath)
        lastPath = note.path
        if block.bytes.count >= StatCacheFile.blockBytesMin { try flush() }
    }

    func finish() throws -> StatCacheUpdate {
        try flush()
        return StatCacheUpdate(file: file, path: path, hasher: hasher)
    }

    private func flush() throws {
        let bytes = block.bytes
        block = ByteWriter()
        lastPath = []
        // Never more than a reader takes: a note is some kilobytes, and the block was not full before the last one.
        guard !bytes.isEmpty else { return }
        var head = withUnsafeBytes(of: UInt32(bytes.count).littleEndian) { Array($0) }
        head.append(contentsOf: hasher.digest(bytes).bytes.prefix(StatCacheFile.checkBytes))
        for part in [head, bytes] {
            try part.withUnsafeBytes { try Kernel.write(file, $0, at: offset) }
            offset += UInt64(part.count)
        }
    }
}

/// A finished stat cache that waits for its snapshot to be committed. Thrown away unless published.
package final class StatCacheUpdate {
    /// Keeps the lock.
    private let file: Descriptor
    private let path: String
    private let hasher: SHA256
    private var isPublished = false

    init(file: Descriptor, path: String, hasher: SHA256) {
        self.file = file
        self.path = path
        self.hasher = hasher
    }

    /// Says which snapshot holds all that is noted. Without that, or where it fails, the file is no stat cache.
    func belongs(to manifest: Digest) {
        let head = manifest.bytes + hasher.digest(manifest.bytes).bytes.prefix(StatCacheFile.checkBytes)
        try? head.withUnsafeBytes { try Kernel.write(file, $0, at: UInt64(StatCacheFile.magic.count)) }
    }

    deinit {
        if !isPublished { try? Kernel.removeFile(path + ".new") }
    }

    /// Puts it in the place of the old one. Not synced: one that a crash tears fails its checks and is ignored.
    package func publish() {
        isPublished = (try? Kernel.replaceFile(path, by: path + ".new")) != nil
        removeOld()
    }

    /// Removes what no walk has used for 30 days: caches of roots that are gone.
    private func removeOld() {
        guard let slash = path.lastIndex(of: "/") else { return }
        let directory = String(path[..<slash])
        let oldest = Kernel.wallNanoseconds() / 1_000_000_000 - 30 * 24 * 3600
        for name in (try? Kernel.names(inDirectory: directory)).map(Array.init) ?? [] {
            let other = directory + "/" + String(decoding: name, as: UTF8.self)
            guard let status = try? Kernel.status(path: other), status.modifiedSeconds < oldest else { continue }
            try? Kernel.removeFile(other)
        }
    }
}

extension StatNote {
    fileprivate func write(to writer: inout ByteWriter, after last: [UInt8]) throws {
        let shared = zip(last, path).prefix { $0 == $1 }.count
        writer.varint(UInt64(shared))
        writer.lengthAndBytes(Array(path[shared...]))
        writer.varint(inode)
        writer.varint(size)
        writer.zigzag(changed.seconds)
        writer.varint(UInt64(changed.nanoseconds))
        writer.varint(chunks)
        writer.varint(hasAttributes ? 1 : 0)
        // The codec of entries has the rest: mode, mtime and content.
        let metadata = Metadata(mode: mode, uid: 0, gid: 0, modified: modified)
        writer.lengthAndBytes(try RootNode.encode(Entry(name: [], metadata: metadata, node: .file(content))))
    }
}
