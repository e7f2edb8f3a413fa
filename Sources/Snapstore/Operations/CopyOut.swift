internal import Glibc
package import SnapCore
internal import SnapIO
package import SnapModel
package import SnapTrees

/// Copies a file or directory out of a snapshot, to a name of the caller's choice.
///
/// What is copied is made under a name of its own beside the destination and renamed when it is whole, so that nobody
/// sees half of it, and a copy that fails leaves nothing.
package struct CopyOut {
    package var overwrite = false
    package var isUntrusted = false

    package init() {}

    package struct Result {
        /// What was made.
        package let path: [UInt8]
        package let restored: RestoreResult
    }

    /// `REF:PATH` in its parts. The longest beginning that is a reference is the reference.
    ///
    /// - Throws: ``StoreError/Code/invalid`` when there is no such beginning.
    package static func split(_ text: [UInt8]) throws(StoreError) -> (reference: String, path: [UInt8]) {
        for (index, byte) in text.enumerated().reversed() where byte == 58 {
            guard let reference = String(validating: text[..<index], as: UTF8.self),
                (try? SnapshotResolver.parse(reference)) != nil
            else { continue }
            return (reference, Array(text[(index + 1)...]))
        }
        throw StoreError(
            .invalid, "`\(escaped(text))` does not say what to copy: REF:PATH.", hint: "For example tools:1:etc/motd.")
    }

    /// - Parameters:
    ///   - path: Of the entry, without `.` and slashes too many.
    ///   - destination: A directory, to copy into it under the entry's name; or the name that the copy gets.
    /// - Throws: ``StoreError/Code/preconditionFailed`` for a name that is taken, unless ``overwrite`` is set.
    package func run(
        _ snapshot: SnapshotRecord, _ tree: SnapshotTree, path: [UInt8], to destination: String, progress: Progress
    ) throws(StoreError) -> Result {
        try StoreError.mapped {
            let entry = try tree.entry(at: path)
            var options = RestoreOptions()
            options.path = path
            options.isUntrusted = isUntrusted
            let place = try Place(destination, for: entry)
            let isTaken = try place.isTaken()
            guard !isTaken || overwrite else {
                throw StoreError(
                    .preconditionFailed, "\(escaped(place.path)) exists.",
                    hint: "Choose another name, or give --overwrite to make it equal to the snapshot.")
            }
            if isTaken, case .directory = entry.node {
                guard let path = String(validating: place.path, as: UTF8.self) else {
                    throw StoreError(.invalid, "\(escaped(place.path)) is not UTF-8: remove it first.")
                }
                options.overwrite = true
                return Result(
                    path: place.path,
                    restored: try Restore(load: tree.load, options: options, progress: progress)
                        .run(manifest: snapshot.manifest, into: path))
            }
            let restore = Restore(load: tree.load, options: options, progress: progress)
            let restored = try place.fill(with: entry, replacing: isTaken) { temporary throws(StoreError) in
                try restore.run(manifest: snapshot.manifest, into: temporary)
            }
            return Result(path: place.path, restored: restored)
        }
    }
}

/// Where a copy goes: a name in a directory.
private struct Place {
    private let directoryPath: String
    private let directory: Descriptor
    private let name: [UInt8]

    init(_ destination: String, for entry: Entry) throws {
        guard !destination.isEmpty else { throw StoreError(.invalid, "The path to copy to is empty.") }
        if Kernel.isDirectory(destination), !entry.name.isEmpty {
            directoryPath = destination
            name = entry.name
        } else {
            var path = destination[...]
            while path.count > 1, path.hasSuffix("/") { path.removeLast() }
            let slash = path.lastIndex(of: "/")
            directoryPath = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
            name = Array((slash.map { path[path.index(after: $0)...] } ?? path).utf8)
            guard !name.isEmpty, name != [46], name != [46, 46] else {
                throw StoreError(
                    .invalid, "\(escaped(Array(destination.utf8))) is no name for a copy of the whole snapshot.",
                    hint: "Give the path of a directory that does not exist, or use `snapstore restore`.")
            }
            if destination.hasSuffix("/"), !entry.isDirectory {
                throw StoreError(.notFound, "There is no directory \(escaped(Array(destination.utf8))).")
            }
        }
        directory = try Kernel.open(directoryPath, [.readOnly, .directory])
    }

    var path: [UInt8] {
        let above = Array(directoryPath.utf8)
        return (directoryPath == "." ? [] : above.last == 47 ? above : above + [47]) + name
    }

    func isTaken() throws -> Bool {
        do {
            _ = try Kernel.status(in: directory, name)
            return true
        } catch {
            guard error.isNotFound else { throw error }
            return false
        }
    }

    /// Makes the entry under another name, and gives it its own when it is whole.
    func fill(
        with entry: Entry, replacing: Bool, _ restore: (String) throws(StoreError) -> RestoreResult
    ) throws -> RestoreResult {
        let temporary = Array(".snapstore-copy-\(RecordID())".utf8)
        try Kernel.makeDirectory(in: directory, temporary, mode: 0o700)
        do {
            let result = try restore(
                (directoryPath.hasSuffix("/") ? directoryPath : directoryPath + "/")
                    + String(decoding: temporary, as: UTF8.self))
            if entry.isDirectory {
                try publish(temporary, from: directory, replacing: replacing)
            } else {
                let inner = try Kernel.openBeneath(directory, temporary, [.readOnly, .directory, .noFollow])
                // A device that could not be made was named, and is not there.
                for made in try DirectoryNames(reading: inner) {
                    try publish(made, from: inner, replacing: replacing)
                }
                try Kernel.removeDirectory(in: directory, temporary)
            }
            return result
        } catch {
            try? TreeRemover.remove(temporary, in: directory)
            throw error
        }
    }

    private func publish(_ made: [UInt8], from source: Descriptor, replacing: Bool) throws {
        do throws(IOError) {
            try Kernel.rename(in: source, made, to: directory, name, replace: replacing)
        } catch {
            if error.isExisting {
                throw StoreError(.preconditionFailed, "\(escaped(path)) was made by somebody else meanwhile.")
            }
            guard error.errno == EISDIR else { throw error }
            throw StoreError(
                .preconditionFailed, "\(escaped(path)) is a directory, and what is copied is none.",
                hint: "Choose another name.")
        }
    }
}

extension Entry {
    fileprivate var isDirectory: Bool {
        if case .directory = node { true } else { false }
    }
}
