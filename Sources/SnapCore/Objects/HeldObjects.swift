internal import SnapCatalogue
package import SnapModel

/// Tells a thread of a session which objects its organisation, or `public`, held when it asked or shortly before.
///
/// What is held stays held while the session is open. What the session itself has put is not known here. About 1.5 µs a
/// call, over a connection of its own; for one thread at a time.
package final class HeldObjects {
    private let lookup: HeldLookup
    private let scope: ScopeID

    init(_ lookup: HeldLookup, scope: ScopeID) {
        self.lookup = lookup
        self.scope = scope
    }

    /// Lets the catalogue's log begin anew: the next answer is one of its own moment.
    func rest() { lookup.rest() }

    package func contains(_ key: ObjectKey) throws(StoreError) -> Bool {
        try StoreError.mapped { try lookup.isHeld(key, scope: scope) }
    }
}
