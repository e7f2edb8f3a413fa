internal import SnapCatalogue
package import SnapModel

/// Tells a thread of a session which objects its organisation, or `public`, held when it asked or shortly before.
///
/// What is held stays held while the session is open. What the session itself has put is not known here. About 2 µs a
/// call, over a connection of its own, until so many were asked for that it pays to read all; then 0.1 µs for what is
/// held. For one thread at a time.
package final class HeldObjects {
    private let lookup: HeldLookup
    private let scope: ScopeID
    private let copy: ScopeCopy<SortedObjects>
    /// Of the copy, once there is one.
    private var known: SortedObjects?

    /// - Parameter copy: Of all threads of the session.
    init(_ lookup: HeldLookup, scope: ScopeID, copy: ScopeCopy<SortedObjects>) {
        self.lookup = lookup
        self.scope = scope
        self.copy = copy
    }

    /// Lets the catalogue's log begin anew: the next answer is one of its own moment.
    func rest() { lookup.rest() }

    package func contains(_ key: ObjectKey) throws(StoreError) -> Bool {
        if known == nil { known = copy.value(asking: 1) }
        if known?.number(of: key) != nil { return true }
        // What the copy does not know may have come since.
        return try StoreError.mapped { try lookup.isHeld(key, scope: scope) }
    }
}
