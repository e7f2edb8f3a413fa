internal import SnapCatalogue
internal import SnapDigest
internal import SnapModel

/// The references on chunks that a commit brings, in the order of their digests: that of the catalogue's pages. Counted
/// in the order of files, a thousand of them touch as many pages, each written to the log once more; in this order some
/// twenty.
///
/// They come from the nodes that the scope does not hold: those get their own references only when all chunks have
/// theirs, so a process that goes on with the job finds the same ones. Nothing of a plan is kept but how far it was
/// carried out.
///
/// Memory: 40 bytes for each chunk, up to twice ``JobLimits/plannedChunks``; the rest is another plan's, which reads the
/// nodes again. And 100 bytes for each node.
struct ChunkPlan {
    /// Nodes read together.
    private static let nodesAtOnce = 32
    /// Nodes whose children are kept for the walk that comes after the chunks, about 200 bytes each.
    private static let keptMax = 20_000

    let job: Int64
    /// Whether references are added; otherwise those that are counted are taken back, the last one first.
    let isAdding: Bool
    /// New nodes, each behind one that names it: those that an attach leaves to gc when it is undone.
    var uncondemned: ArraySlice<ObjectKey>
    /// The nodes among the children of new ones, as far as they are kept.
    private(set) var nodeChildren: [ObjectKey: [ObjectKey]] = [:]
    private(set) var references: [(chunk: Digest, count: Int64)] = []
    /// Whether no references are beyond these.
    private(set) var isWhole = true
    /// Nodes that cannot be read: what they name stays as it is.
    private(set) var unreadable = 0

    /// - Throws: Where references are added, what reading a node throws.
    init(_ job: JobRow, _ objects: JobObjects, chunksMax: Int) throws {
        self.job = job.id
        isAdding = job.state == .running
        var nodes: [ObjectKey] = []
        var chunks = NextChunks(after: job.countedChunk, isAdding: isAdding, max: chunksMax)
        var queue = job.roots.filter(\.kind.hasChildren)
        var seen = Set(queue)
        while !queue.isEmpty {
            let new = try objects.unheld(queue.suffix(Self.nodesAtOnce))
            queue.removeLast(min(queue.count, Self.nodesAtOnce))
            for (node, found) in zip(new, try objects.readableChildren(of: new)) {
                nodes.append(node)
                // Asked for alone, it says what is wrong.
                let children = try found ?? (isAdding ? objects.children(of: node) : nil)
                if children == nil { unreadable += 1 }
                var below: [ObjectKey] = []
                for child in children ?? [] {
                    if child.kind.hasChildren { below.append(child) } else { chunks.add(child.digest) }
                }
                queue += below.filter { seen.insert($0).inserted }
                if children != nil, nodes.count <= Self.keptMax { nodeChildren[node] = below }
            }
        }
        uncondemned = nodes[...]
        (references, isWhole) = chunks.counted()
    }

    /// Objects that are counted, as far as they are known.
    var size: Int { references.count + uncondemned.count }

    /// The first reference that is still to be counted.
    func position(_ counted: Digest?) -> Int {
        guard let counted else { return isAdding ? 0 : references.count }
        var range = references.startIndex..<references.endIndex
        while !range.isEmpty {
            let middle = range.lowerBound + range.count / 2
            let isDone = isAdding ? references[middle].chunk <= counted : references[middle].chunk > counted
            range = isDone ? (middle + 1)..<range.upperBound : range.lowerBound..<middle
        }
        return range.lowerBound
    }

    /// Whether the plan says how a job goes on.
    func leads(_ job: JobRow) -> Bool {
        job.id == self.job && isAdding == (job.state == .running)
            && (isWhole || position(job.countedChunk) < references.count)
    }
}

/// The references that come next after a digest, up or down, as many as fit in memory.
private struct NextChunks {
    private let last: Digest?
    private let isAdding: Bool
    private let max: Int
    private var found: [(chunk: Digest, count: Int64)] = []
    /// What lies beyond is for another time.
    private var limit: Digest?

    init(after last: Digest?, isAdding: Bool, max: Int) {
        self.last = last
        self.max = max
        self.isAdding = isAdding
    }

    mutating func add(_ digest: Digest) {
        guard isNext(digest) else { return }
        found.append((digest, 1))
        if found.count >= 2 * max { order() }
    }

    private func isNext(_ digest: Digest) -> Bool {
        if isAdding {
            (last.map { digest > $0 } ?? true) && (limit.map { digest <= $0 } ?? true)
        } else {
            (last.map { digest <= $0 } ?? false) && (limit.map { digest >= $0 } ?? true)
        }
    }

    /// Sorts what was found, adds up what is equal, and keeps what comes first.
    private mutating func order() {
        found.sort { isAdding ? $0.chunk < $1.chunk : $0.chunk > $1.chunk }
        var distinct = 0
        for place in found.indices {
            if distinct > 0, found[distinct - 1].chunk == found[place].chunk {
                found[distinct - 1].count += found[place].count
            } else {
                found[distinct] = found[place]
                distinct += 1
            }
        }
        if distinct > max {
            distinct = max
            limit = found[max - 1].chunk
        }
        found.removeLast(found.count - distinct)
    }

    consuming func counted() -> (references: [(chunk: Digest, count: Int64)], isWhole: Bool) {
        order()
        return (found, limit == nil)
    }
}
