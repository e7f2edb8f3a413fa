package import SnapModel

/// A group of hard links that two snapshots do not agree on.
package struct LinkChange: Sendable, Hashable {
    package let kind: TreeChange.Kind
    /// The names that the group has now, or had; the first one names it.
    package let paths: [[UInt8]]
}

/// Compares two tables of hard links. Both are sorted by the first names of their groups, so that one pass will do.
package enum LinkDiff {
    /// Calls `report` with each group that differs, in order.
    package static func run(
        old: Manifest.Links?, new: Manifest.Links?, loadOld: @escaping ObjectLoader, loadNew: @escaping ObjectLoader,
        report: (LinkChange) throws -> Void
    ) throws {
        guard old != new else { return }
        var (left, right) = (
            try LinkTableCursor(old, load: loadOld), try LinkTableCursor(new, load: loadNew)
        )
        var (before, after) = (try left.next(), try right.next())
        while true {
            switch (before, after) {
            case (nil, nil): return
            case (let gone?, let made) where made.map({ precedes(gone, $0) }) ?? true:
                try report(LinkChange(kind: .removed, paths: gone.paths))
                before = try left.next()
            case (let gone, let made?) where gone.map({ precedes(made, $0) }) ?? true:
                try report(LinkChange(kind: .added, paths: made.paths))
                after = try right.next()
            case (let gone?, let made?):
                if gone != made { try report(LinkChange(kind: .changed, paths: made.paths)) }
                (before, after) = (try left.next(), try right.next())
            default: return
            }
        }
    }

    private static func precedes(_ left: LinkGroup, _ right: LinkGroup) -> Bool {
        (left.paths.first ?? []).lexicographicallyPrecedes(right.paths.first ?? [])
    }
}
