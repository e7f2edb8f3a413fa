internal import SnapDigest
package import SnapModel

/// Something besides its tree that two snapshots do not agree on.
package struct ManifestChange: Sendable, Hashable {
    package enum Field: String, Sendable {
        case kind
        case platform
        /// A variable of the environment; ``ManifestChange/name`` says which.
        case environment = "env"
        /// The same variables in another order, or some of them twice.
        case environmentOrder = "env-order"
        case workingDirectory = "workdir"
        case user
        case entrypoint
        case checkpoint
    }

    package let field: Field
    /// Of a variable.
    package let name: [UInt8]?
    /// The words that it was, and is; nil where it has no value.
    package let old: [[UInt8]]?
    package let new: [[UInt8]]?

    package var kind: TreeChange.Kind {
        if old == nil { return .added }
        return new == nil ? .removed : .changed
    }
}

/// Compares what two manifests say besides their trees and hard links.
package enum ManifestDiff {
    package static func changes(old: Manifest, new: Manifest) -> [ManifestChange] {
        var changes: [ManifestChange] = []
        func compare(_ field: ManifestChange.Field, _ old: [[UInt8]]?, _ new: [[UInt8]]?) {
            guard old != new else { return }
            changes.append(ManifestChange(field: field, name: nil, old: old, new: new))
        }
        compare(.kind, [Array(old.kind.rawValue.utf8)], [Array(new.kind.rawValue.utf8)])
        compare(.platform, words(old.platform), words(new.platform))
        changes += environment(old.config.environment, new.config.environment)
        compare(.workingDirectory, old.config.workingDirectory.map { [$0] }, new.config.workingDirectory.map { [$0] })
        compare(.user, old.config.user.map { [$0] }, new.config.user.map { [$0] })
        compare(.entrypoint, words(old.config.entrypoint), words(new.config.entrypoint))
        compare(.checkpoint, words(old.checkpoint), words(new.checkpoint))
        return changes
    }

    private static func words(_ platform: Manifest.Platform?) -> [[UInt8]]? {
        platform.map { [Array("\($0.os)/\($0.architecture)".utf8)] }
    }

    private static func words(_ entrypoint: [[UInt8]]) -> [[UInt8]]? { entrypoint.isEmpty ? nil : entrypoint }

    private static func words(_ checkpoint: Manifest.Checkpoint?) -> [[UInt8]]? {
        guard let checkpoint else { return nil }
        let texts = [
            checkpoint.payload.description, checkpoint.engine, checkpoint.version, checkpoint.cpu, checkpoint.kernel,
            checkpoint.base?.description,
        ]
        return texts.map { Array(($0 ?? "-").utf8) }
    }

    private static func environment(
        _ old: [Manifest.Config.Variable], _ new: [Manifest.Config.Variable]
    ) -> [ManifestChange] {
        let (before, after) = (effective(old), effective(new))
        let names = Set(before.keys).union(after.keys).sorted { $0.lexicographicallyPrecedes($1) }
        let changes = names.filter { before[$0] != after[$0] }.map { name in
            ManifestChange(
                field: .environment, name: name, old: before[name].map { [$0] }, new: after[name].map { [$0] })
        }
        guard changes.isEmpty, old != new else { return changes }
        return [
            ManifestChange(field: .environmentOrder, name: nil, old: old.map(\.name), new: new.map(\.name))
        ]
    }

    private static func effective(_ variables: [Manifest.Config.Variable]) -> [[UInt8]: [UInt8]] {
        Dictionary(variables.map { ($0.name, $0.value) }) { $1 }
    }
}
