internal import SnapCatalogue
internal import SnapDigest
internal import SnapIO
internal import SnapModel
internal import SnapPacks

/// A pack that a catalogue names.
struct NamedPack: Hashable, Sendable, CustomStringConvertible {
    let scope: String
    let id: PackID
    let storedBytes: UInt64
    /// Whether the catalogue may be without it: of a commit that was not acknowledged when the copy was taken.
    let isPending: Bool

    /// As sentences name it.
    var description: String { "The pack \(id) of `\(scope)`" }

    /// Every pack that a store with this catalogue reads: those in use, and those of commits that are queued, which
    /// whoever opens the copy carries out. What sessions were writing beside that goes with them.
    static func all(in tx: ReadAccess) throws -> [NamedPack] {
        let scopes = Dictionary(try tx.scopes().map { ($0.id, $0.name) }) { first, _ in first }
        let queued = Set(try tx.sessions().map(\.id).filter { try tx.hasJob(session: $0) })
        return try tx.packs().compactMap { pack in
            let isQueued = pack.state == .pending && pack.session.map(queued.contains) == true
            guard pack.state == .live || isQueued, let scope = scopes[pack.scope], let id = PackID(bytes: pack.uid)
            else { return nil }
            return NamedPack(
                scope: scope, id: id, storedBytes: UInt64(clamping: pack.storedBytes), isPending: isQueued)
        }
    }
}

/// Copies packs from one place to another, byte for byte, and checks each frame on the way.
struct PackCopy {
    let source: any PackBackend
    let target: any PackBackend
    /// Read what is there already, and copy it again where it is damaged.
    let rereads: Bool
    let step: MaintenanceStep
    private let hasher: SHA256

    enum Outcome: Hashable, Sendable {
        /// It is there already.
        case kept
        case copied
        /// Copied as it is: a frame or the footer is not what it was.
        case damaged(String)
        /// It cannot be read.
        case unreadable(String)
        case missing
    }

    init(
        from source: any PackBackend, to target: any PackBackend, rereads: Bool = false, step: @escaping MaintenanceStep
    ) throws {
        self.source = source
        self.target = target
        self.rereads = rereads
        self.step = step
        hasher = try SHA256()
    }

    /// A pack is renamed in once it is durable and never written again: one of the right size is the right one.
    func run(_ pack: NamedPack) throws -> Outcome {
        try step(0, 0)
        let isThere = try size(of: pack, in: target) == pack.storedBytes
        if try isThere && (!rereads || isSoundAtTarget(pack)) { return .kept }
        guard try size(of: pack, in: source) != nil else { return isThere ? .damaged("\(pack) is damaged.") : .missing }
        // One of another size, or what a copy that was cut short left of it.
        try target.delete(scope: pack.scope, id: pack.id)
        let upload = try target.begin(scope: pack.scope, id: pack.id)
        do {
            let damage = try copy(pack, to: upload)
            try upload.finish()
            return damage.map { .damaged($0) } ?? .copied
        } catch let failure as Unreadable {
            upload.abandon()
            return failure.isMissing ? .missing : .unreadable(failure.message)
        } catch {
            upload.abandon()
            throw error
        }
    }

    private func size(of pack: NamedPack, in backend: any PackBackend) throws -> UInt64? {
        do {
            return try backend.size(scope: pack.scope, id: pack.id)
        } catch let error as PackError where error.code == .missing {
            return nil
        }
    }

    /// The source could not be read; what fails at the target is thrown as it is.
    private struct Unreadable: Error {
        let message: String
        let isMissing: Bool
    }

    private func read(_ pack: NamedPack, _ offset: UInt64, _ count: Int) throws -> [UInt8] {
        do {
            return try source.read(scope: pack.scope, id: pack.id, offset: offset, count: count)
        } catch  where StoreError.isUnreadable(error) {
            throw Unreadable(
                message: StoreError(mapping: error).message, isMissing: (error as? PackError)?.code == .missing)
        }
    }

    /// Returns what is wrong with it; nil when all is well.
    private func copy(_ pack: NamedPack, to upload: any PackUpload) throws -> String? {
        let size = try source.size(scope: pack.scope, id: pack.id)
        var damage = size == pack.storedBytes ? nil : "\(pack) is not as long as the catalogue says."
        var offset: UInt64 = 0
        let index = try index(of: pack, in: source) { damage = damage ?? $0 }
        try append(pack, from: &offset, to: min(size, UInt64(PackIndex.header.count)), upload)
        for frame in index?.frames ?? [] {
            let bytes = try read(pack, frame.offset, Int(frame.storedBytes))
            if !isSound(bytes, frame) { damage = damage ?? "\(pack) has a damaged frame." }
            try append(bytes, upload)
            offset += UInt64(bytes.count)
        }
        try append(pack, from: &offset, to: size, upload)
        return damage
    }

    /// nil for a pack whose footer cannot be read; `complain` is told why.
    private func index(of pack: NamedPack, in backend: any PackBackend, complain: (String) -> Void) throws -> PackIndex?
    {
        do {
            return try PackIndex.read(backend: backend, scope: pack.scope, id: pack.id)
        } catch  where StoreError.isUnreadable(error) {
            complain(StoreError(mapping: error).message)
            return nil
        }
    }

    private func isSound(_ stored: [UInt8], _ frame: FrameInfo) -> Bool {
        hasher.digest(stored).bytes.starts(with: frame.check)
    }

    /// Whether every frame of a pack that is at the target is what it was.
    private func isSoundAtTarget(_ pack: NamedPack) throws -> Bool {
        guard let index = try index(of: pack, in: target, complain: { _ in }) else { return false }
        for frame in index.frames {
            let bytes: [UInt8]
            do {
                bytes = try target.read(
                    scope: pack.scope, id: pack.id, offset: frame.offset, count: Int(frame.storedBytes))
            } catch  where StoreError.isUnreadable(error) {
                return false
            }
            guard isSound(bytes, frame) else { return false }
            try step(0, UInt64(bytes.count))
        }
        return true
    }

    private func append(_ pack: NamedPack, from offset: inout UInt64, to end: UInt64, _ upload: any PackUpload) throws {
        while offset < end {
            let bytes = try read(pack, offset, Int(min(end - offset, 1 << 20)))
            try append(bytes, upload)
            offset += UInt64(bytes.count)
        }
    }

    private func append(_ bytes: [UInt8], _ upload: any PackUpload) throws {
        try bytes.withUnsafeBytes { try upload.append($0) }
        try step(0, UInt64(bytes.count))
    }
}

extension LocalPackBackend {
    /// Removes every pack but some, and what writers that died have left. Returns how many packs.
    func removeOthers(than packs: [NamedPack]) throws -> Int64 {
        let kept = Dictionary(grouping: packs, by: \.scope).mapValues { Set($0.map(\.id)) }
        var removed: Int64 = 0
        for scope in try scopes() {
            for id in try list(scope: scope) where kept[scope]?.contains(id) != true {
                try delete(scope: scope, id: id)
                removed += 1
            }
            try removeUnfinished(scope: scope)
        }
        return removed
    }
}
