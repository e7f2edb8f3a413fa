import ArgumentParser
import SnapCore

extension CompletionKind {
    /// References of snapshots, by their tags.
    static var snapshot: CompletionKind {
        .custom { words, _, _ in SnapshotCompletion.references(words) }
    }

    static var setting: CompletionKind { .list(Setting.allCases.map(\.rawValue)) }
}

/// What a shell offers for a reference: never an error, and nothing where there is no store.
enum SnapshotCompletion {
    /// Tags of deleted snapshots, for `undelete`.
    static var deleted: CompletionKind {
        .custom { words, _, _ in
            guard let store = try? store(words) else { return [] }
            defer { store.close() }
            return ((try? store.deletedSnapshots(org: GlobalOptions.org)) ?? []).flatMap(\.tags).map(\.description)
        }
    }

    /// - Parameter words: Of the command line so far, as the shell has them.
    static func references(_ words: [String]) -> [String] {
        guard let store = try? store(words) else { return [] }
        defer { store.close() }
        return ((try? store.snapshots(org: GlobalOptions.org)) ?? []).flatMap(\.tags).map(\.description)
    }

    private static func store(_ words: [String]) throws -> Store {
        var global = try GlobalOptions.parse([])
        for (number, word) in words.enumerated() {
            if word.hasPrefix("--store=") { global.store = String(word.dropFirst(8)) }
            if word == "--store", words.indices.contains(number + 1) { global.store = words[number + 1] }
        }
        return try global.openStore()
    }
}
