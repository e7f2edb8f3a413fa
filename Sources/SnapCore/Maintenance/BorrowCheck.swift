internal import SnapCatalogue
internal import SnapModel

/// Counts how many organisations hold each object with the bytes of `public`.
struct BorrowCheck {
    let store: Store

    /// Sentences on objects whose count is wrong.
    ///
    /// - Complexity: A look at the row of each object of the store.
    func problems() throws -> [FsckProblem] {
        try store.catalogue.read { try $0.wrongBorrows(limit: 1000) }.map { wrong in
            FsckProblem(
                code: wrong.isThere ? "count" : "object_missing",
                message: wrong.isThere
                    ? "\(wrong.key) is borrowed \(wrong.actual) times; the catalogue says \(wrong.noted)."
                    : "\(wrong.key) is borrowed from `public` and not there.")
        }
    }

    /// Makes the counts what they must be. Returns how many were not.
    func repair() throws -> Int {
        var count = 0
        while true {
            let repaired = try store.catalogue.write("recount") { tx in
                let wrong = try tx.reading.wrongBorrows(limit: 500).filter(\.isThere)
                for one in wrong { try tx.addBorrows(one.key, one.actual - one.noted) }
                return wrong.count
            }
            count += repaired
            if repaired < 500 { return count }
        }
    }
}
