import SnapDigest
import SnapModel
import SnapTransfer
import TestSupport
import Testing

/// The walk that decides what goes, on random graphs of objects, without any network.
@Suite struct TreeTransferTests {
    private struct Graph {
        var children: [ObjectKey: [ObjectKey]] = [:]
        var root: ObjectKey

        /// Layers of nodes that name nodes and chunks of the layer below, some of them several times.
        init(_ generator: inout SeededGenerator) throws {
            func key(_ kind: ObjectKind, _ bytes: [UInt8]) throws -> ObjectKey {
                ObjectKey(kind, try SHA256().digest(bytes))
            }
            var below = try (0..<40).map { _ in try key(.chunk, generator.bytes(8)) }
            for _ in 0..<Int.random(in: 1...5, using: &generator) {
                var layer: [ObjectKey] = []
                for _ in 0..<Int.random(in: 1...30, using: &generator) {
                    let node = try key(.tree, generator.bytes(8))
                    children[node] = (0..<Int.random(in: 0...9, using: &generator)).compactMap { _ in
                        below.randomElement(using: &generator)
                    }
                    layer.append(node)
                }
                below += layer
            }
            root = try key(.manifest, generator.bytes(8))
            children[root] = below.suffix(20)
        }

        /// Everything below, and the key itself.
        func reach(_ key: ObjectKey) -> Set<ObjectKey> {
            var (seen, queue): (Set<ObjectKey>, [ObjectKey]) = ([key], [key])
            while let next = queue.popLast() {
                for child in children[next] ?? [] where seen.insert(child).inserted { queue.append(child) }
            }
            return seen
        }
    }

    @Test func allThatIsMissingGoesOnceAndNothingElse() throws {
        let seed = TestScale.seed("transfers")
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<(200 * TestScale.factor) {
            let graph = try Graph(&generator)
            let all = graph.reach(graph.root)
            // The other side holds some nodes, and so all below them.
            var held: Set<ObjectKey> = []
            for key in all where generator.next() % 10 == 0 { held.formUnion(graph.reach(key)) }
            let limit = Int.random(in: 1...20, using: &generator)
            var transfer = TreeTransfer(root: graph.root)
            var (sent, asked): ([ObjectKey], [ObjectKey]) = ([], [])
            while !transfer.isDone {
                let question = transfer.next(limit: limit)
                #expect(!question.isEmpty && question.count <= limit && question == transfer.next(limit: limit))
                asked += question
                let missing = transfer.answer { !held.contains($0) }
                sent += missing
                let nodes = transfer.nodes
                #expect(nodes == missing.filter { $0.kind != .chunk })
                transfer.expand(nodes.map { graph.children[$0] ?? [] })
            }
            #expect(Set(sent) == all.subtracting(held) && sent.count == Set(sent).count, "seed \(seed)")
            #expect(asked.count == Set(asked).count && Set(asked).isSubset(of: all), "seed \(seed)")
        }
    }

    @Test func whoHoldsTheRootIsAskedOnce() throws {
        let root = ObjectKey(.manifest, try SHA256().digest([1]))
        var transfer = TreeTransfer(root: root)
        #expect(transfer.next() == [root])
        #expect(transfer.answer { _ in false }.isEmpty)
        transfer.expand([])
        #expect(transfer.isDone)
    }

    /// Files of a directory go in its order, and before those of the next.
    @Test func theOrderIsThatOfTheTree() throws {
        func key(_ kind: ObjectKind, _ number: UInt8) throws -> ObjectKey {
            ObjectKey(kind, try SHA256().digest([number]))
        }
        let root = try key(.manifest, 0)
        let (left, right) = (try key(.tree, 1), try key(.tree, 2))
        let chunks = try (10..<20).map { try key(.chunk, $0) }
        let children = [root: [left, right], left: Array(chunks[..<5]), right: Array(chunks[5...])]
        var transfer = TreeTransfer(root: root)
        var sent: [ObjectKey] = []
        while !transfer.isDone {
            _ = transfer.next()
            sent += transfer.answer { _ in true }
            transfer.expand(transfer.nodes.map { children[$0] ?? [] })
        }
        #expect(sent.filter { $0.kind == .chunk } == chunks)
    }
}
