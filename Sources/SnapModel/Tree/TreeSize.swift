internal import SnapDigest

/// What a tree takes when it is written out, computed before anything is: a few objects can stand for 2^40 files.
///
/// Each distinct node is read once; sums saturate.
package struct TreeSize {
    package struct Sum {
        package var entries: UInt64 = 0
        package var files: UInt64 = 0
        /// Lengths of the files.
        package var logicalBytes: UInt64 = 0
        /// Bytes of data, zero segments left out.
        package var bytes: UInt64 = 0
        /// Chunks that the files are made of, repeated ones each time.
        package var chunks: UInt64 = 0
        /// Zero segments of the files.
        package var holes: UInt64 = 0

        package init(entries: UInt64 = 0, files: UInt64 = 0, logicalBytes: UInt64 = 0) {
            self.entries = entries
            self.files = files
            self.logicalBytes = logicalBytes
        }

        mutating func add(_ other: Sum) {
            entries = entries.addingSaturated(other.entries)
            files = files.addingSaturated(other.files)
            logicalBytes = logicalBytes.addingSaturated(other.logicalBytes)
            bytes = bytes.addingSaturated(other.bytes)
            chunks = chunks.addingSaturated(other.chunks)
            holes = holes.addingSaturated(other.holes)
        }
    }

    private struct Frame {
        let digest: Digest
        var cursor: TreeCursor
        var sum = Sum()
    }

    private let load: ObjectLoader
    private var known: [Digest: Sum] = [:]
    private var lists: ListSize

    package init(load: @escaping ObjectLoader) {
        self.load = load
        lists = ListSize(load: load)
    }

    /// Of everything that a snapshot's files are: its tree and the files of its checkpoint.
    package mutating func of(_ manifest: Manifest) throws -> Sum {
        var total = try of(RootNode.decode(load(ObjectKey(.tree, manifest.root))))
        if let checkpoint = manifest.checkpoint { total.add(try tree(checkpoint.payload)) }
        return total
    }

    /// - Complexity: O(distinct nodes); the depth costs memory, not stack.
    package mutating func of(_ entry: Entry) throws -> Sum {
        var total = Sum(entries: 1)
        switch entry.node {
        case .file(let content): total.add(try file(content))
        case .directory(let digest): total.add(try tree(digest))
        default: break
        }
        return total
    }

    /// What is in a directory.
    mutating func tree(_ root: Digest) throws -> Sum {
        if let sum = known[root] { return sum }
        var stack = [Frame(digest: root, cursor: try TreeCursor(root: root, load: load))]
        while true {
            var top = stack.removeLast()
            if let entry = try top.cursor.next() {
                top.sum.add(Sum(entries: 1))
                switch entry.node {
                case .file(let content): top.sum.add(try file(content))
                case .directory(let digest):
                    if let sum = known[digest] {
                        top.sum.add(sum)
                    } else {
                        stack.append(top)
                        stack.append(Frame(digest: digest, cursor: try TreeCursor(root: digest, load: load)))
                        continue
                    }
                default: break
                }
                stack.append(top)
            } else {
                known[top.digest] = top.sum
                guard !stack.isEmpty else { return top.sum }
                stack[stack.count - 1].sum.add(top.sum)
            }
        }
    }

    private mutating func file(_ content: Content) throws -> Sum {
        var sum = Sum(files: 1, logicalBytes: content.length)
        switch content.body {
        case .inline(let bytes): sum.bytes = UInt64(bytes.count)
        case .segments(let segments):
            var all = ListSize.Sum()
            for segment in segments { all.add(segment) }
            sum.add(all)
        case .list(let root): sum.add(try lists.of(root, length: content.length))
        }
        return sum
    }
}

extension TreeSize.Sum {
    fileprivate mutating func add(_ list: ListSize.Sum) {
        bytes = bytes.addingSaturated(list.bytes)
        chunks = chunks.addingSaturated(list.chunks)
        holes = holes.addingSaturated(list.holes)
    }
}
