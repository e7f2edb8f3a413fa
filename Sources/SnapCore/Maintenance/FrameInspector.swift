internal import SnapCatalogue
internal import SnapIO
internal import SnapModel
internal import Synchronization

/// Looks at frames of a scope on several threads: where the catalogue says that their objects are, and whether the bytes
/// there are equal to the digests.
struct FrameInspector {
    /// Frames looked at before the first of them is reported on; the threads wait for the last of them. Each holds one.
    static let framesAtOnce = 64
    private static let threadsMax = 4

    struct Request: Sendable {
        let frame: FrameReader.Location
        /// What the pack says of its objects.
        let places: [ObjectPlace]
        let isRead: Bool
    }

    struct Finding: Sendable {
        /// Objects that are where they were looked for, and whether they are marked as damaged.
        var live: [(place: ObjectPlace, isBad: Bool)] = []
        /// Of those, the ones whose bytes were read and are not equal to the digest, or cannot be read; by number.
        var unsound: Set<Int> = []
    }

    private let store: Store
    private let workers: LazyWorkers
    private let threads: Int

    init(store: Store) {
        self.store = store
        threads = min(Self.threadsMax, max(1, Kernel.processorCount))
        workers = LazyWorkers(threads: max(1, threads - 1))
    }

    /// What is found in each frame, in the order of the requests.
    ///
    /// - Throws: What the first of them that fails throws, as it would if they were looked at in turn.
    func inspect(_ requests: [Request], _ scope: ScopeID) throws -> [Finding] {
        let findings = Mutex<[Int: Result<Finding, any Error>]>([:])
        let next = Atomic(0)
        let count = requests.count
        let look: @Sendable (Int) -> Void = { _ in
            while true {
                let number = next.add(1, ordering: .relaxed).oldValue
                guard number < count else { return }
                let finding = Result { try inspect(requests[number], scope) }
                findings.withLock { $0[number] = finding }
            }
        }
        if threads > 1, count > 1 {
            try workers.concurrently(threads, look)
        } else {
            look(0)
        }
        let all = findings.withLock { $0 }
        return try requests.indices.map { try all[$0]?.get() ?? Finding() }
    }

    private func inspect(_ request: Request, _ scope: ScopeID) throws -> Finding {
        var finding = Finding()
        let keys = request.places.map(\.key)
        let rows = try store.catalogue.lookUp { tx in try tx.together { try tx.objects(keys, scope: scope) } }
        // Where the catalogue says that an object is, if in the same frame: what a reader goes by.
        finding.live = zip(request.places, rows).compactMap { packed, row in
            guard let row, let place = row.place, place.frame == packed.frame else { return nil }
            return (place, row.isBad)
        }
        guard request.isRead, !finding.live.isEmpty else { return finding }
        let places = finding.live.enumerated().map { (number: $0.offset, place: $0.element.place) }
        finding.unsound = Set(try store.frames.unsound(places, in: request.frame))
        return finding
    }
}
