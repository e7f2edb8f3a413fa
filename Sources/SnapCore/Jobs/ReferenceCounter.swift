internal import SnapCatalogue
internal import SnapModel

/// Adds references to the objects of a scope and takes them, within one write transaction, and adds up what that changes.
struct ReferenceCounter {
    private let tx: WriteAccess
    private let objects: JobObjects
    private let scope: ScopeID
    private let nowMilliseconds: Int64

    /// Raw bytes that the scope holds more now than before. Records are held but not billed.
    private(set) var heldBytes: Int64 = 0
    private var heldObjects: Int64 = 0
    private var packChanges = PackChanges()
    /// Packs of frames looked up so far.
    private var livePacks: [Int64: Int64] = [:]
    private var condemnedSequence: Int64?

    init(_ tx: WriteAccess, _ objects: JobObjects, scope: ScopeID, nowMilliseconds: Int64) {
        self.tx = tx
        self.objects = objects
        self.scope = scope
        self.nowMilliseconds = nowMilliseconds
    }

    /// Rows that ``writeTotals()`` touches.
    var totalRows: Int { packChanges.count + 1 }

    func writeTotals() throws {
        try packChanges.write(tx)
        guard heldObjects != 0 || heldBytes != 0 else { return }
        try tx.addHeld(scope: scope, bytes: heldBytes, objects: heldObjects)
    }

    private mutating func note(_ key: ObjectKey, bytes: Int64, objects: Int64) {
        guard key.kind != .record else { return }
        heldBytes += bytes
        heldObjects += objects
    }
}

// MARK: References more

extension ReferenceCounter {
    /// Adds references. Says whether the object was not held before.
    mutating func add(_ count: Int64, to key: ObjectKey) throws -> Bool {
        let upload = try livePlace(key)
        // Most of what a session has put is new to the scope: it is inserted without a question.
        if let upload, try tx.insertObject(upload.place, scope: scope, refs: count) {
            packChanges.add(pack: upload.pack, objects: 1, bytes: upload.place.length)
            note(key, bytes: upload.place.length, objects: 1)
            return true
        }
        if let upload { try takeOwn(key, upload) }
        // Most of the others are held: nothing crosses.
        if try tx.addReferences(count, to: key, scope: scope) { return false }
        if let row = try tx.reading.object(key, scope: scope) { return try add(count, to: row, upload) }
        if scope != .public, let shared = try tx.reading.object(key, scope: .public), !shared.isBad,
            shared.refs > 0 || objects.borrowsUnheld
        {
            try tx.insertBorrowed(key, length: shared.length, scope: scope, refs: count)
            try tx.addBorrows(key, 1)
            note(key, bytes: shared.length, objects: 1)
            return true
        }
        throw StoreError(
            .incomplete, "The snapshot needs \(key), which is neither held nor uploaded.",
            hint: "Capture or push it again.")
    }

    /// What is held with the bytes of `public`, and was put all the same since those are damaged, gets bytes of its own.
    private mutating func takeOwn(_ key: ObjectKey, _ upload: (place: ObjectPlace, pack: Int64)) throws {
        guard scope != .public, let row = try tx.reading.object(key, scope: scope), row.frame == nil else { return }
        try tx.moveObject(key, scope: scope, frame: upload.place.frame, position: upload.place.position)
        try tx.addBorrows(key, -1)
        packChanges.add(pack: upload.pack, objects: 1, bytes: upload.place.length)
    }

    /// To an object that is damaged, or that nobody holds.
    private mutating func add(_ count: Int64, to row: ObjectRow, _ upload: (place: ObjectPlace, pack: Int64)?) throws
        -> Bool
    {
        if row.isBad, let old = row.frame, let upload {
            try tx.moveObject(row.key, scope: scope, frame: upload.place.frame, position: upload.place.position)
            // A pack that was lost may be forgotten already.
            if let oldPack = try tx.reading.frame(old)?.pack {
                packChanges.add(pack: oldPack, objects: -1, bytes: -row.length)
            }
            packChanges.add(pack: upload.pack, objects: 1, bytes: upload.place.length)
        }
        try tx.setRefs(row.key, scope: scope, refs: row.refs + count)
        guard row.refs == 0 else { return false }
        note(row.key, bytes: row.length, objects: 1)
        return true
    }

    /// Where the session has put an object, unless it has ended and taken the pack along.
    private mutating func livePlace(_ key: ObjectKey) throws -> (place: ObjectPlace, pack: Int64)? {
        guard let place = try objects.upload(key, tx.reading) else { return nil }
        if let known = livePacks[place.frame] { return (place, known) }
        guard let pack = try tx.reading.livePack(ofFrame: place.frame) else { return nil }
        livePacks[place.frame] = pack
        return (place, pack)
    }
}

// MARK: References less

extension ReferenceCounter {
    /// Takes references. Says whether none is left.
    ///
    /// A node of which none is left is not yet condemned, which keeps it from gc until its children are counted: they are
    /// found through its bytes.
    mutating func take(_ count: Int64, from key: ObjectKey) throws -> Bool {
        // A count that is too low is damage, which `fsck` names; it must not stop every job that comes after.
        guard let row = try tx.reading.object(key, scope: scope), row.refs > 0 else { return false }
        guard row.refs <= count else {
            try tx.setRefs(key, scope: scope, refs: row.refs - count)
            return false
        }
        note(key, bytes: -row.length, objects: -1)
        // Of what is borrowed, too: a session that found it held may hold it again.
        let sequence = key.kind.hasChildren ? nil : try sequence()
        try tx.letGo(key, scope: scope, sequence: sequence, milliseconds: nowMilliseconds)
        return true
    }

    /// Lets gc have an object that nobody holds, unless it may have it already.
    mutating func condemn(_ key: ObjectKey) throws {
        guard let row = try tx.reading.object(key, scope: scope), row.refs == 0, row.condemned == nil else { return }
        try tx.letGo(key, scope: scope, sequence: sequence(), milliseconds: nowMilliseconds)
    }

    private mutating func sequence() throws -> Int64 {
        if let condemnedSequence { return condemnedSequence }
        let next = try tx.nextSequence()
        condemnedSequence = next
        return next
    }
}
