import SnapDigest
import SnapModel

extension Step {
    /// A directory of 10,000 files, whose entries take about 100 nodes.
    static var trees: [Step] {
        let count = 10_000
        return [
            Step("tree: encode entries", count, .items) {
                let entries = directory(count)
                let hasher = HasherBox(try SHA256())
                return { _ = try nodes(of: entries, hasher) }
            },
            Step("tree: decode entries", count, .items) {
                let nodes = try nodes(of: directory(count), HasherBox(try SHA256()))
                return {
                    var found = 0
                    for node in nodes {
                        if case .entries(let entries) = try TreeNode.decode(node) { found += entries.count }
                    }
                    guard found == count else { throw WrongWork() }
                }
            },
        ]
    }

    private static func directory(_ count: Int) -> [Entry] {
        (0..<count).map { number in
            let text = "file-\(1_000_000 + number)"
            let metadata = Metadata(
                mode: 0o644, uid: 0, gid: 0,
                modified: Timestamp(seconds: 1_700_000_000 + Int64(number), nanoseconds: UInt32(number) * 1_000))
            let content =
                number % 4 == 0
                ? Content(cut: .contentDefined, length: 16, body: .inline(Array("0123456789abcdef".utf8)))
                : Content(
                    cut: .contentDefined, length: 20_000,
                    body: .segments([.data(digest(of: number), size: 20_000)]))
            return Entry(name: Array(text.utf8), metadata: metadata, node: .file(content))
        }
    }

    private static func nodes(of entries: [Entry], _ hasher: HasherBox) throws -> [[UInt8]] {
        var nodes: [[UInt8]] = []
        var tree = TreeBuilder { _, bytes in
            nodes.append(bytes)
            return hasher.hasher.digest(bytes)
        }
        for entry in entries { try tree.append(entry) }
        _ = try tree.finish()
        return nodes
    }

    /// Spread as digests are, and made in no time.
    static func digest(of number: Int) -> Digest {
        var state = UInt64(truncatingIfNeeded: number)
        let words = (0..<4).map { _ in
            state = (state &+ 0x9e37_79b9_7f4a_7c15) &* 0xbf58_476d_1ce4_e5b9
            state ^= state >> 29
            return state
        }
        guard let digest = words.withUnsafeBytes({ Digest(bytes: $0) }) else { preconditionFailure("32 bytes") }
        return digest
    }
}

/// A hasher of a step, which one thread runs.
final class HasherBox: @unchecked Sendable {
    let hasher: SHA256

    init(_ hasher: SHA256) {
        self.hasher = hasher
    }
}
