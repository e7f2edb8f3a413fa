package import SnapCore
internal import SnapIO
internal import SnapModel
package import SnapTrees

/// Captures a synthetic tree into a store of its own and restores it, in a directory that is removed afterwards.
package final class StoreBenchmark {
    private let directory: String
    private let source: String
    /// Lengths of the files of the tree.
    package let bytes: Int
    package let files: Int
    private var round = 0

    /// Makes the tree: files of 4 KiB … 1 MiB, in directories of 64.
    ///
    /// - Parameter parent: Where its directory is made.
    package init(in parent: String, bytes: Int, step: () throws -> Void) throws {
        directory = "\(parent)/snapstore-benchmark-\(RecordID())"
        source = directory + "/tree"
        let disk = Disk()
        var (made, files) = (0, 0)
        do {
            try disk.makeDirectory(directory, mode: 0o700)
            try disk.makeDirectory(source, mode: 0o700)
            while made < bytes {
                try step()
                if files % 64 == 0 { try disk.makeDirectory("\(source)/\(files / 64)", mode: 0o755) }
                let size = min(bytes - made, (4 << 10) << (files % 9))
                let file = try Kernel.open("\(source)/\(files / 64)/\(files)", [.writeOnly, .create], mode: 0o644)
                let content = SyntheticData.bytes(size, seed: UInt64(files) + 2)
                try content.withUnsafeBytes { try Kernel.writeAll(file, $0) }
                made += size
                files += 1
            }
        } catch {
            Self.remove(directory)
            throw error
        }
        (self.bytes, self.files) = (made, files)
    }

    deinit { Self.remove(directory) }

    /// Nanoseconds of a capture, from opening a new store to the commit that is on disk, and of a restore of it.
    package func run(_ progress: Progress) throws -> (capture: Int64, restore: Int64) {
        round += 1
        let path = "\(directory)/store"
        let target = "\(directory)/restored"
        defer {
            Self.remove(path)
            Self.remove(target)
        }
        let start = Kernel.bootNanoseconds()
        let store = try Store.open(path: path, create: true)
        defer { store.close() }
        let capture = CreateOperation(capture: CaptureOptions(kind: .directory))
        let made = try capture.run(
            store, org: "local", directory: Array(source.utf8), name: "benchmark", tag: "latest", progress: progress)
        let captured = Kernel.bootNanoseconds()
        let reader = try store.reader(org: "local")
        let restore = Restore(reader: reader, progress: progress)
        _ = try restore.run(manifest: made.snapshot.manifest, into: target)
        return (max(1, captured - start), max(1, Kernel.bootNanoseconds() - captured))
    }

    private static func remove(_ path: String) {
        guard let slash = path.lastIndex(of: "/"),
            let parent = try? Kernel.open(String(path[...slash]), [.readOnly, .directory])
        else { return }
        try? TreeRemover.remove(Array(path[path.index(after: slash)...].utf8), in: parent)
    }
}
