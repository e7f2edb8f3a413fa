package import SnapModel

/// Which objects of a snapshot go from one side to the other: a walk over its tree that never goes below what the other side
/// holds, since who holds a node holds all that it names.
///
/// A pure state machine, for both directions. Whoever drives it asks whether the receiver holds some keys (``next()``), says
/// which are missing (``answer(isMissing:)``), and gives the children of each node that was missing
/// (``expand(_:)``), whose bytes the sender has at hand, or the receiver has got by then. Deep first, in the order of
/// the tree, so that what lies together there lies together on its way. Memory: the keys on the way down, and of those met
/// so many that few are asked about twice.
package struct TreeTransfer {
    /// Keys remembered as met; beyond, all are forgotten, and some asked about again.
    package static let metMax = 1 << 19

    /// What is to be asked about, the next one last.
    private var waiting: [ObjectKey]
    private var met: Set<ObjectKey>
    /// In the order of the tree: asked about, and not yet answered.
    private var asked: [ObjectKey] = []
    /// Nodes that are missing and whose children are not known yet.
    private var toExpand: [ObjectKey] = []

    package init(root: ObjectKey) {
        waiting = [root]
        met = [root]
    }

    /// Whether all is asked about and expanded.
    package var isDone: Bool { waiting.isEmpty && asked.isEmpty && toExpand.isEmpty }

    /// The next keys to ask about, at most ``KeyList/countMax``, each once; empty when there are none for now.
    package mutating func next(limit: Int = KeyList.countMax) -> [ObjectKey] {
        guard asked.isEmpty else { return asked }
        let count = min(waiting.count, limit)
        asked = waiting.suffix(count).reversed()
        waiting.removeLast(count)
        return asked
    }

    /// Takes the answer to the last question. Returns what is missing, in the order of the tree: it is to be transferred.
    package mutating func answer(isMissing: (ObjectKey) -> Bool) -> [ObjectKey] {
        let missing = asked.filter(isMissing)
        asked = []
        toExpand = missing.filter { $0.kind != .chunk }
        return missing
    }

    /// The nodes whose children are to be given with ``expand(_:)``, which is called once for each, in this order.
    package var nodes: [ObjectKey] { toExpand }

    /// Takes the children of all ``nodes``, in their order.
    package mutating func expand(_ children: [[ObjectKey]]) {
        toExpand = []
        for key in children.joined().reversed() {
            if met.count >= Self.metMax { met = [] }
            if met.insert(key).inserted { waiting.append(key) }
        }
    }
}
