package import SnapCore
package import SnapModel

/// Walks everything below an entry of a snapshot, in the order of names. Iterative: the depth costs memory, not stack.
package struct TreeWalk {
    private let load: ObjectLoader

    package init(load: @escaping ObjectLoader) {
        self.load = load
    }

    /// Calls `body` with `top` and each entry below it, and the path of each from the root of the snapshot.
    ///
    /// - Parameter path: Of `top`; empty for the root.
    /// - Complexity: One read a tree node. Memory: one node a level of depth.
    package func run(_ top: Entry, path: [UInt8], _ body: ([UInt8], Entry) throws -> Void) throws(StoreError) {
        try StoreError.mapped {
            try body(path, top)
            var stack: [(cursor: TreeCursor, pathCount: Int)] = []
            // One for all levels: it may be megabytes long.
            var path = path
            if case .directory(let digest) = top.node {
                stack.append((try TreeCursor(root: digest, load: load), path.count))
            }
            while let depth = stack.indices.last {
                guard let entry = try stack[depth].cursor.next() else {
                    stack.removeLast()
                    continue
                }
                path.removeSubrange(stack[depth].pathCount...)
                if !path.isEmpty { path.append(47) }
                path += entry.name
                try body(path, entry)
                if case .directory(let digest) = entry.node {
                    stack.append((try TreeCursor(root: digest, load: load), path.count))
                }
            }
        }
    }
}
