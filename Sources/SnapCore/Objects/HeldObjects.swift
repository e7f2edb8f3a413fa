internal import SnapCatalogue
package import SnapModel
internal import Synchronization

/// Tells a thread of a session which objects its organisation, or `public`, held when it asked or shortly before.
///
/// What is held stays held while the session is open. What the session itself has put is not known here. About 2 µs a
/// call, over a connection of its own, until so many were asked for that it pays to read all; then 0.1 µs for what is
/// held. For one thread at a time.
package final class HeldObjects {
    private let lookup: HeldLookup
    private let scope: ScopeID
    private let shared: HeldCopy
    /// Of the copy, once there is one.
    private var known: SortedObjects?

    init(_ lookup: HeldLookup, scope: ScopeID, shared: HeldCopy) {
        self.lookup = lookup
        self.scope = scope
        self.shared = shared
    }

    /// Lets the catalogue's log begin anew: the next answer is one of its own moment.
    func rest() { lookup.rest() }

    package func contains(_ key: ObjectKey) throws(StoreError) -> Bool {
        if known == nil { known = shared.objects }
        if let known, known.contains(key) { return true }
        return try StoreError.mapped {
            if shared.isDue() { shared.keep(SortedObjects(try lookup.held(in: scope, limit: HeldCopy.objectsMax))) }
            // What the copy does not know may have come since.
            return try lookup.isHeld(key, scope: scope)
        }
    }
}

/// What a scope held at some moment of a session, in memory, for all threads of the session. Made when as many questions
/// were asked as cost as much as to read it: whatever comes, at most twice the least work is done.
final class HeldCopy: Sendable {
    /// 14 MB. Of a larger scope a capture asks too little to make up for reading it.
    static let objectsMax = 400_000
    /// Rows that are read in the time of an answer.
    private static let rowsPerAnswer: Int64 = 16

    private let answersBefore: Int
    private let answers = Atomic(0)
    private let isMade = Atomic(false)
    private let copy = Mutex<SortedObjects?>(nil)

    /// - Parameter objects: That the scope holds.
    init(objects: Int64) {
        let isWorthwhile = (1...Int64(Self.objectsMax)).contains(objects)
        answersBefore = isWorthwhile ? Int(objects / Self.rowsPerAnswer) : .max
    }

    /// The copy, once it is made.
    var objects: SortedObjects? { isMade.load(ordering: .acquiring) ? copy.withLock { $0 } : nil }

    /// Counts a question. True for one caller, who is to make the copy.
    func isDue() -> Bool { answers.add(1, ordering: .relaxed).oldValue == answersBefore }

    func keep(_ objects: SortedObjects) {
        copy.withLock { $0 = objects }
        isMade.store(true, ordering: .releasing)
    }
}
