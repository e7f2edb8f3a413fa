/// Warnings that threads find in any order, kept as if one had found them: the first ones of the walk.
struct OrderedWarnings {
    private var found: [(order: UInt64, warning: Warning)] = []
    private var count: UInt64 = 0

    /// - Parameter order: Of the entry in the walk.
    mutating func add(_ warnings: WarningList, order: UInt64) {
        count += warnings.count
        found += warnings.kept.map { (order, $0) }
        if found.count > 2 * WarningList.keptMax { found = first }
    }

    var list: WarningList { WarningList(kept: first.map(\.warning), count: count) }

    /// Swift's sort keeps equals in their order.
    private var first: [(order: UInt64, warning: Warning)] {
        Array(found.sorted { $0.order < $1.order }.prefix(WarningList.keptMax))
    }
}
