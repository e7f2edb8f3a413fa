import SnapCatalogue
import SnapCore
import SnapDigest
import SnapIO
import SnapModel
import SnapTrees

extension Step {
    static var catalogue: [Step] {
        let asked = 10_000
        return [
            Step("catalogue: look up objects", asked, .items) {
                let filled = try FilledCatalogue()
                return { try filled.lookUp(asked) }
            },
            Step("catalogue: detach and attach references", ReferenceStore.references, .items) {
                let store = try ReferenceStore()
                return { try store.detachAndAttach() }
            },
        ]
    }
}

/// A directory on tmpfs, where syncs cost nothing, that is removed at the end.
private final class Scratch: Sendable {
    private static let parent = "/dev/shm"
    private let name = "snapstore-benchmark-\(RecordID())"
    var path: String { Self.parent + "/" + name }

    init() throws {
        try Disk().makeDirectory(path, mode: 0o700)
    }

    deinit {
        guard let parent = try? Kernel.open(Self.parent, [.readOnly, .directory]) else { return }
        try? TreeRemover.remove(Array(name.utf8), in: parent)
    }
}

/// 100,000 objects in a catalogue: half of those asked for.
private final class FilledCatalogue: @unchecked Sendable {
    private static let objects = 100_000
    private let scratch: Scratch
    private let catalogue: Catalogue
    private let lookup: HeldLookup

    init() throws {
        scratch = try Scratch()
        catalogue = try Catalogue.open(directory: scratch.path, create: true, disk: Disk())
        for first in stride(from: 0, to: Self.objects, by: 500) {
            try catalogue.write("fill") { tx in
                for number in first..<(first + 500) {
                    let key = ObjectKey(.chunk, Step.digest(of: number))
                    try tx.insertObject(
                        ObjectPlace(key: key, length: 16_384, frame: 1, position: 0), scope: .public, refs: 1)
                }
            }
        }
        lookup = try catalogue.makeHeldLookup()
    }

    deinit { catalogue.close() }

    func lookUp(_ count: Int) throws {
        let keys = (0..<count).map { ObjectKey(.chunk, Step.digest(of: $0 % 2 == 0 ? $0 : $0 + Self.objects)) }
        let held = try keys.count { try lookup.isHeld($0, scope: .public) }
        lookup.rest()
        guard held == count / 2 else { throw WrongWork() }
    }
}

/// A store whose one snapshot goes and comes back: nothing is put, only counted.
private final class ReferenceStore: @unchecked Sendable {
    static let references = 10_000
    private static let org = "local"
    private let scratch: Scratch
    private let store: Store
    private let draft: SnapshotDraft

    init() throws {
        scratch = try Scratch()
        store = try Store.open(path: scratch.path + "/store", create: true)
        let session = try store.beginSession(.create, org: Self.org)
        defer { session.end() }
        let metadata = Metadata(mode: 0o644, uid: 0, gid: 0, modified: Timestamp(seconds: 0, nanoseconds: 0))
        var list = ListBuilder(cut: .contentDefined) { kind, bytes in try session.store(kind, bytes) }
        for number in 0..<Self.references {
            let bytes = Step.digest(of: number).bytes + Step.digest(of: -number).bytes
            try list.append(.data(try session.store(.chunk, bytes), size: UInt32(bytes.count)))
        }
        var tree = TreeBuilder { kind, bytes in try session.store(kind, bytes) }
        try tree.append(Entry(name: Array("file".utf8), metadata: metadata, node: .file(try list.finish())))
        let root = Entry(name: [], metadata: metadata, node: .directory(try tree.finish()))
        let digest = try session.store(.tree, try RootNode.encode(root))
        let manifest = try session.store(.manifest, try Manifest(kind: .directory, root: digest).encode())
        draft = SnapshotDraft(name: "references", tag: "latest", manifest: manifest, kind: "directory")
        _ = try session.commit(draft)
    }

    deinit { store.close() }

    /// The delete queues its work; the commit does both.
    func detachAndAttach() throws {
        guard try store.deleteTag(org: Self.org, name: draft.name, tag: "latest") != nil else { throw WrongWork() }
        let session = try store.beginSession(.create, org: Self.org)
        defer { session.end() }
        guard try session.commit(draft).isNew else { throw WrongWork() }
    }
}
