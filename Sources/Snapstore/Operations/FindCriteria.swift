package import SnapModel
package import SnapTrees

/// Which entries of a snapshot are looked for: those that meet every condition.
package struct FindCriteria: Sendable {
    /// A size as `find` takes it.
    package enum Size: Sendable, Hashable {
        case exactly(UInt64)
        case moreThan(UInt64)
        case lessThan(UInt64)

        func matches(_ size: UInt64) -> Bool {
            switch self {
            case .exactly(let bytes): size == bytes
            case .moreThan(let bytes): size > bytes
            case .lessThan(let bytes): size < bytes
            }
        }
    }

    /// One of these patterns matches the name; none: any name.
    package var names: [Glob] = []
    /// Letters as `find -type` has them; empty: any type.
    package var types: Set<Character> = []
    /// Lengths of regular files; nothing else has one.
    package var sizes: [Size] = []
    package var newerThan: Timestamp?
    package var olderThan: Timestamp?

    package init() {}

    package static let typeLetters: Set<Character> = ["f", "d", "l", "c", "b", "p", "s"]

    package func match(_ entry: Entry) -> Bool {
        guard names.isEmpty || names.contains(where: { $0.matches(entry.name[...]) }) else { return false }
        guard types.isEmpty || types.contains(entry.findLetter) else { return false }
        if let newerThan, entry.metadata.modified <= newerThan { return false }
        if let olderThan, entry.metadata.modified >= olderThan { return false }
        guard !sizes.isEmpty else { return true }
        guard case .file(let content) = entry.node else { return false }
        return sizes.allSatisfy { $0.matches(content.length) }
    }
}

extension Entry {
    /// As `find -type` calls it.
    package var findLetter: Character {
        switch node {
        case .file: "f"
        case .directory: "d"
        case .symbolicLink: "l"
        case .characterDevice: "c"
        case .blockDevice: "b"
        case .fifo: "p"
        case .socket: "s"
        }
    }
}
