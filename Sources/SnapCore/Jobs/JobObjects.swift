internal import SnapCatalogue
internal import SnapModel
internal import SnapPacks

/// Loads the nodes that a job walks over, and tells which objects its session has uploaded.
struct JobObjects {
    let catalogue: Catalogue
    let frames: FrameReader
    let scope: ScopeID
    /// The session whose uploads count, with its index when it is this process's.
    let session: Int64?
    let uploads: SessionUploads?
    /// Whether what `public` has, and does not hold, may be borrowed: where a catalogue is made anew nobody knows what was
    /// published, and a record says that its snapshot was whole.
    var borrowsUnheld = false

    /// Where the session put an object, if it did.
    func upload(_ key: ObjectKey, _ tx: ReadAccess) throws -> ObjectPlace? {
        if let place = uploads?.place(key) { return place }
        guard let session, uploads == nil || uploads?.hasSpilled == true else { return nil }
        return try tx.upload(key, session: session)
    }

    /// The children of a node, in order.
    func children(of key: ObjectKey) throws -> [ObjectKey] {
        guard key.kind.hasChildren else { return [] }
        return try ObjectChildren.of(key.kind, read(key))
    }

    /// The children of a node; nil where they cannot be had, because it is damaged or on a part of the disk that fails.
    func readableChildren(of key: ObjectKey) throws -> [ObjectKey]? {
        do {
            return try children(of: key)
        } catch {
            guard StoreError.isUnreadable(error) else { throw error }
            return nil
        }
    }

    /// What ``readableChildren(of:)`` says of each of several nodes, in the order of `nodes`.
    ///
    /// The catalogue is asked for all at once, a frame is taken up once, and digests are computed side by side: a third of
    /// the work. Memory: the children of all.
    func readableChildren(of nodes: [ObjectKey]) throws -> [[ObjectKey]?] {
        var children = [[ObjectKey]?](repeating: nil, count: nodes.count)
        var others: [Int] = []
        var found: [(number: Int, place: ObjectPlace)] = []
        try catalogue.read { tx in
            (others, found) = ([], [])
            for (number, key) in nodes.enumerated() {
                if uploads?.node(key) == nil, let place = try place(of: key, tx) {
                    found.append((number, place))
                } else {
                    others.append(number)
                }
            }
        }
        found.sort { ($0.place.frame, $0.place.position) < ($1.place.frame, $1.place.position) }
        for group in found.runsOfFrames() {
            others += try frames.read(group) { loaded in
                for node in loaded {
                    children[node.number] = try? ObjectChildren.of(nodes[node.number].kind, Array(node.bytes))
                    if children[node.number] == nil { others.append(node.number) }
                }
            }
        }
        for number in others { children[number] = try readableChildren(of: nodes[number]) }
        return children
    }

    /// Those of some nodes that the scope does not hold, in their order.
    func unheld(_ nodes: [ObjectKey]) throws -> [ObjectKey] {
        let rows = try catalogue.read { try $0.objects(nodes, scope: scope) }
        return zip(nodes, rows).filter { ($1?.refs ?? 0) == 0 }.map(\.0)
    }

    /// Those of some nodes whose children are counted too, as far as can be told before the transaction: what the session
    /// has put is new.
    func crossing(_ nodes: [ObjectKey], isAttach: Bool) throws -> [ObjectKey] {
        if nodes.isEmpty || (isAttach && nodes.allSatisfy { uploads?.contains($0) == true }) { return nodes }
        return try catalogue.read { tx in
            try nodes.filter { try (tx.object($0, scope: scope)?.refs ?? 0) == (isAttach ? 0 : 1) }
        }
    }

    /// The bytes of an object.
    func read(_ key: ObjectKey) throws -> [UInt8] {
        if let bytes = uploads?.node(key) { return bytes }
        var last: Int64?
        while true {
            // Where the session put it is known without a question; but it may have been rewritten since.
            let uploaded = last == nil ? uploads?.place(key) : nil
            let place = try uploaded ?? catalogue.read { tx in try self.place(of: key, tx) }
            guard let place else {
                throw StoreError(
                    .incomplete, "The snapshot needs \(key), which is neither held nor uploaded.",
                    hint: "Capture or push it again.")
            }
            do {
                return try frames.read(place)
            } catch let error as PackError where error.code == .missing && place.frame != last {
                last = place.frame  // Rewritten meanwhile: the next look-up finds its new place.
            }
        }
    }

    /// Where a node's bytes are: held or let go in the scope, uploaded by the session, or public.
    private func place(of key: ObjectKey, _ tx: ReadAccess) throws -> ObjectPlace? {
        if let row = try tx.object(key, scope: scope), let place = row.place, !row.isBad { return place }
        return try upload(key, tx) ?? tx.object(key, scope: .public)?.place
    }
}

extension ObjectKind {
    /// Whether objects of this kind name others.
    var hasChildren: Bool {
        switch self {
        case .list, .tree, .manifest: true
        case .chunk, .record: false
        }
    }
}
