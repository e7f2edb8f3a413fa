package import SnapIO

/// What a power cut leaves of the operations before a gate.
package enum CrashImage: Sendable, Hashable, CustomStringConvertible {
    /// Only bytes synced, under names whose directory was synced.
    case nothingUnsynced
    /// Everything, as if the cut came late.
    case everything
    /// All names, but only the bytes synced.
    case namesWithoutData
    /// Each unsynced name, and each 4 KiB of each unsynced write, survives by the throw of a coin: in any order, torn, and
    /// older bytes in place of newer ones.
    case random(seed: UInt64)

    package var description: String {
        switch self {
        case .nothingUnsynced: "nothing unsynced"
        case .everything: "everything"
        case .namesWithoutData: "names without data"
        case .random(let seed): "random subset \(seed)"
        }
    }
}

/// A file system in memory that knows what is durable: replays a journal and writes out what a crash would leave.
package struct SimulatedDisk {
    private struct File {
        /// A change since the last sync.
        enum Change {
            case write(offset: Int, bytes: [UInt8])
            case resize(Int)
        }

        var bytes = BlockBytes()
        var synced = BlockBytes()
        var unsynced: [Change] = []

        mutating func write(_ new: [UInt8], at offset: Int) {
            bytes.write(new[...], at: offset)
            unsynced.append(.write(offset: offset, bytes: new))
        }

        mutating func resize(to size: Int) {
            bytes.resize(to: size)
            unsynced.append(.resize(size))
        }

        mutating func sync() {
            synced = bytes
            unsynced = []
        }
    }

    private var files: [File] = []
    private var names: [String: Int] = [:]
    private var syncedNames: [String: Int] = [:]
    private var directories: Set<String> = []
    private var syncedDirectories: Set<String> = []

    /// Decides which syncs do nothing; nil on a disk that does not lie.
    private var lies: SeededGenerator?

    /// A disk on which only one directory exists.
    package init(with directory: String) {
        replay(.makeDirectory(path: directory))
        replay(.syncDirectory(path: Self.parent(directory)))
    }

    /// From now on about every other sync answers success and does nothing.
    package func lying(seed: UInt64) -> SimulatedDisk {
        var disk = self
        disk.lies = SeededGenerator(seed: seed)
        return disk
    }

    private mutating func isLie() -> Bool {
        guard let word = lies?.next() else { return false }
        return word & 1 == 0
    }

    package mutating func replay(_ operation: GateOperation) {
        switch operation {
        case .createFile(let path):
            files.append(File())
            names[path] = files.count - 1
        case .write(let path, let offset, let bytes):
            if let number = number(of: path) { files[number].write(bytes, at: Int(offset)) }
        case .truncate(let path, let size):
            if let number = number(of: path) { files[number].resize(to: Int(size)) }
        case .sync(let path):
            if let number = number(of: path), !isLie() { files[number].sync() }
        case .rename(let from, let to):
            names[to] = names.removeValue(forKey: from)
        case .unlink(let path):
            names[path] = nil
        case .makeDirectory(let path):
            directories.insert(path)
        case .syncDirectory(let path):
            if !isLie() { syncNames(in: path) }
        case .transaction:
            break
        }
    }

    private func number(of path: String) -> Int? { names[path] }

    private mutating func syncNames(in directory: String) {
        for (path, number) in names where Self.parent(path) == directory { syncedNames[path] = number }
        for path in syncedNames.keys where Self.parent(path) == directory && names[path] == nil {
            syncedNames[path] = nil
        }
        for path in directories where Self.parent(path) == directory { syncedDirectories.insert(path) }
    }

    private static func parent(_ path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return String(path[..<slash])
    }

    /// What is left below `root`: directories, parents first, and files, all by their path relative to it.
    package struct Image: Hashable, Sendable {
        package let directories: [String]
        package let files: [String: BlockBytes]

        /// Makes it within an existing directory.
        package func write(to target: String) throws {
            for directory in directories { try Kernel.makeParentDirectories(of: target + directory + "/x") }
            for (path, bytes) in files { try (target + path).write(bytes.bytes) }
        }
    }

    package func image(_ kind: CrashImage, below root: String) -> Image {
        var generator = SeededGenerator(seed: kind.seed)
        let (leftNames, leftDirectories) = survivors(kind, &generator)
        func isReachable(_ path: String) -> Bool {
            var directory = Self.parent(path)
            while directory.count >= root.count {
                if !leftDirectories.contains(directory) { return false }
                directory = Self.parent(directory)
            }
            return true
        }
        func place(_ path: String) -> String { String(path.dropFirst(root.count)) }
        var files: [String: BlockBytes] = [:]
        for (path, number) in leftNames.sorted(by: { $0.key < $1.key }) where isReachable(path) {
            files[place(path)] = contents(self.files[number], kind, &generator)
        }
        return Image(
            directories: leftDirectories.sorted().filter { isReachable($0 + "/x") }.map(place), files: files)
    }

    private func survivors(
        _ image: CrashImage, _ generator: inout SeededGenerator
    ) -> (names: [String: Int], directories: Set<String>) {
        switch image {
        case .nothingUnsynced: return (syncedNames, syncedDirectories)
        case .everything, .namesWithoutData: return (names, directories)
        case .random:
            var left: [String: Int] = [:]
            for path in Set(names.keys).union(syncedNames.keys).sorted() {
                left[path] = generator.next() & 1 == 0 ? syncedNames[path] : names[path]
            }
            var leftDirectories = syncedDirectories
            for path in directories.sorted() where generator.next() & 1 == 0 { leftDirectories.insert(path) }
            return (left, leftDirectories)
        }
    }

    private func contents(_ file: File, _ image: CrashImage, _ generator: inout SeededGenerator) -> BlockBytes {
        switch image {
        case .everything: return file.bytes
        case .nothingUnsynced, .namesWithoutData: return file.synced
        case .random:
            var bytes = file.synced
            guard !file.unsynced.isEmpty else { return bytes }
            // Little, half, or nearly all of it has reached the disk.
            let part: UInt64 = [1, 4, 7][Int(generator.next() % 3)]
            func survives() -> Bool { generator.next() & 7 < part }
            for change in file.unsynced {
                switch change {
                case .resize(let size):
                    if survives() { bytes.resize(to: size) }
                case .write(let offset, let new):
                    for piece in BlockBytes.pieces(offset..<(offset + new.count)) where survives() {
                        bytes.write(
                            new[(piece.lowerBound - offset)..<(piece.upperBound - offset)], at: piece.lowerBound)
                    }
                }
            }
            // The length may have reached the disk without the bytes.
            if generator.next() & 3 == 0 { bytes.resize(to: file.bytes.count) }
            return bytes
        }
    }
}

extension CrashImage {
    fileprivate var seed: UInt64 {
        if case .random(let seed) = self { seed } else { 0 }
    }
}
