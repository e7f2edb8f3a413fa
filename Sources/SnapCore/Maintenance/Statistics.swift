internal import SnapCatalogue
internal import SnapIO

/// What a store holds. Sizes are bytes.
package struct StoreStatistics: Sendable, Hashable {
    package var snapshots = 0
    package var objects: Int64 = 0
    /// Raw bytes of the distinct objects that snapshots hold.
    package var heldBytes: Int64 = 0
    /// Lengths of all files of all snapshots added up.
    package var logicalBytes: Int64 = 0
    package var packs = 0
    package var packBytes: Int64 = 0
    /// Raw bytes in packs that no object uses any more.
    package var deadBytes: Int64 = 0
    /// Raw bytes that nobody holds and that the grace period keeps.
    package var condemnedBytes: Int64 = 0
    package var catalogueBytes: Int64 = 0
    package var sessions = 0
}

extension Store {
    /// Rows of the largest write transaction of this process since the last call, for benchmarks.
    package func takeLargestTransaction() -> Int { catalogue.takeLargestTransaction() }

    /// Adds up what the catalogue knows. Costs one pass over snapshots and packs.
    package func statistics() throws(StoreError) -> StoreStatistics {
        try StoreError.mapped {
            var statistics = try catalogue.read { tx in
                var sum = StoreStatistics()
                let records = try tx.allRecords()
                sum.snapshots = records.count
                // Sparse files are as long as they say: two snapshots may be longer than 64 bits can count.
                sum.logicalBytes = records.reduce(0) { total, record in
                    let (next, overflow) = total.addingReportingOverflow(record.logicalBytes)
                    return overflow ? .max : next
                }
                for scope in try tx.scopes() {
                    sum.objects += scope.heldObjects
                    sum.heldBytes += scope.heldBytes
                    sum.condemnedBytes += try tx.condemnedTotals(scope: scope.id).bytes
                }
                for pack in try tx.packs() where pack.state == .live {
                    sum.packs += 1
                    sum.packBytes += pack.storedBytes
                    sum.deadBytes += pack.deadBytes
                }
                sum.sessions = try tx.sessions().count
                return sum
            }
            for suffix in ["", "-wal"] where Kernel.exists(layout.catalogue + suffix) {
                statistics.catalogueBytes += Int64(clamping: try Kernel.fileSize(layout.catalogue + suffix))
            }
            return statistics
        }
    }
}
