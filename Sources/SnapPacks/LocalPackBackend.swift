package import SnapIO
internal import Synchronization

/// Packs as files: `<root>/<scope>/<first two digits>/<id>.pack`.
///
/// Order of a write: bytes under a temporary name, sync, rename, sync of the directory.
package final class LocalPackBackend: PackBackend {
    private let root: String
    private let disk: Disk
    /// Directories whose names this process has made durable.
    private let durable = Mutex<Set<String>>([])

    /// - Parameter root: An existing directory.
    package init(root: String, disk: Disk) throws {
        self.root = root
        self.disk = disk
    }

    private func directory(_ scope: String, _ id: PackID) -> String {
        "\(root)/\(scope)/\(id.description.prefix(2))"
    }

    private func path(_ scope: String, _ id: PackID) -> String {
        "\(directory(scope, id))/\(id).pack"
    }

    package func begin(scope: String, id: PackID) throws -> any PackUpload {
        try PackError.mapped(scope, id) {
            let directory = directory(scope, id)
            try makeDirectory(root + "/" + scope, in: root)
            try makeDirectory(directory, in: root + "/" + scope)
            let temporary = path(scope, id) + ".new"
            return LocalPackUpload(
                disk: disk, file: try disk.createFile(temporary), path: path(scope, id), directory: directory)
        }
    }

    private func makeDirectory(_ path: String, in parent: String) throws(IOError) {
        guard durable.withLock({ !$0.contains(path) }) else { return }
        // One that is there already, too: the process that made it may not have come to the sync yet, or have died.
        if !Kernel.exists(path) { try disk.makeDirectory(path, mode: 0o700) }
        try disk.syncDirectory(parent)
        durable.withLock { _ = $0.insert(path) }
    }

    package func read(scope: String, id: PackID, offset: UInt64, count: Int) throws -> [UInt8] {
        try PackError.mapped(scope, id) {
            let file = try Kernel.open(path(scope, id), .readOnly)
            let isShort = PackError(.corrupt, "The pack \(id) of `\(scope)` is shorter than it should be.")
            // What no file can have, the kernel would call invalid.
            guard count >= 0, let start = Int64(exactly: offset), Int64(count) <= Int64.max - start else {
                throw isShort
            }
            var failure: (any Error)?
            let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
                do {
                    filled = try Kernel.read(file, into: UnsafeMutableRawBufferPointer(buffer), at: offset)
                } catch { failure = error }
            }
            if let failure { throw failure }
            guard bytes.count == count else { throw isShort }
            return bytes
        }
    }

    package func size(scope: String, id: PackID) throws -> UInt64 {
        try PackError.mapped(scope, id) { try Kernel.fileSize(path(scope, id)) }
    }

    package func list(scope: String) throws -> [PackID] {
        var ids: [PackID] = []
        for directory in try directoryNames(root + "/" + scope) {
            for name in try directoryNames("\(root)/\(scope)/\(directory)") {
                guard name.hasSuffix(".pack"), let id = PackID(name.dropLast(5)) else { continue }
                // A pack that lies elsewhere would not be found by its name.
                guard id.description.hasPrefix(directory), directory.utf8.count == 2 else { continue }
                ids.append(id)
            }
        }
        return ids
    }

    package func delete(scope: String, id: PackID) throws {
        try PackError.mapped(scope, id) {
            try disk.unlink(path(scope, id))
            // A session that died may have left the unfinished file.
            if Kernel.exists(path(scope, id) + ".new") { try disk.unlink(path(scope, id) + ".new") }
            // Gone for good before the catalogue forgets it: otherwise a power cut brings back a pack unknown to it.
            if Kernel.exists(directory(scope, id)) { try disk.syncDirectory(directory(scope, id)) }
        }
    }

    /// Removes what writers that died have left. Nobody may be writing to the scope.
    package func removeUnfinished(scope: String) throws {
        for directory in try directoryNames(root + "/" + scope) {
            for name in try directoryNames("\(root)/\(scope)/\(directory)") where name.hasSuffix(".pack.new") {
                try disk.unlink("\(root)/\(scope)/\(directory)/\(name)")
            }
        }
    }

    package func scopes() throws -> [String] {
        try directoryNames(root).filter { Kernel.isDirectory("\(root)/\($0)") }
    }

    /// Nothing for what is no directory: strangers in the store's directories are not ours to trip over.
    private func directoryNames(_ path: String) throws -> [String] {
        guard Kernel.isDirectory(path) else { return [] }
        return try Kernel.names(inDirectory: path).compactMap { String(validating: $0, as: UTF8.self) }
    }
}

private final class LocalPackUpload: PackUpload {
    private let disk: Disk
    private let file: DurableFile
    private let path: String
    private let directory: String
    private var offset: UInt64 = 0
    /// What the kernel was told to write out.
    private var started: UInt64 = 0
    private static let startBytes: UInt64 = 4 << 20
    private var isRenamed = false

    init(disk: Disk, file: DurableFile, path: String, directory: String) {
        self.disk = disk
        self.file = file
        self.path = path
        self.directory = directory
    }

    func append(_ bytes: UnsafeRawBufferPointer) throws {
        try disk.write(file, bytes, at: offset)
        offset += UInt64(bytes.count)
        guard offset - started >= Self.startBytes else { return }
        disk.startWriting(file, from: started, count: offset - started)
        started = offset
    }

    func finish() throws {
        try disk.sync(file)
        try disk.rename(file.path, to: path)
        isRenamed = true
        try disk.syncDirectory(directory)
    }

    func abandon() {
        // What cannot be removed now is removed with its catalogue row, at the next opening.
        try? disk.unlink(isRenamed ? path : file.path)
    }
}

extension PackError {
    fileprivate static func mapped<Result>(_ scope: String, _ id: PackID, _ body: () throws -> Result) throws
        -> Result
    {
        do {
            return try body()
        } catch let error as IOError {
            if error.isNotFound { throw PackError(.missing, "The pack \(id) of `\(scope)` is missing.") }
            throw error
        }
    }
}
