import Hummingbird
import NIOCore
import SnapCore
import SnapDigest
import SnapIO
import SnapModel
import SnapTransfer

// What there is, and its bytes. What is of another organisation, was deleted, or never was, is not found: the same answer.

extension Service {
    func addSnapshotRoutes(_ api: RouterGroup<ServiceContext>) {
        api.get("/snapshots", use: list)
        api.get("/snapshots/{id}", use: get)
        api.delete("/snapshots/{id}", use: delete)
        api.get("/snapshots/{id}/manifest", use: manifest)
        api.get("/snapshots/{id}/objects/{kind}/{digest}", use: object)
        api.post("/snapshots/{id}/bundle", use: bundle)
    }

    /// Newest first; `org`, `name`, `tag`, `label` and `visibility` choose some, `cursor` goes on where a page ended. Of
    /// another organisation what is public.
    @Sendable private func list(_ request: Request, _ context: ServiceContext) async throws -> Response {
        let bearer = try context.bearer(.readSnapshots)
        let query = request.uri.queryParameters
        let org = query["org"].map(String.init) ?? bearer.org
        let name = query["name"].map(String.init)
        let tag = query["tag"].map(String.init)
        let label = query["label"].map(String.init)
        let cursor = query["cursor"].map(String.init)
        let visibility = try query["visibility"].map(String.init).map(Self.visibility)
        let found = try await executor.run { [store] in try store.snapshots(org: org, name: name) }
        let wanted = found.filter { snapshot in
            (org == bearer.org || snapshot.visibility == .public)
                && (visibility == nil || snapshot.visibility == visibility)
                && (tag == nil || snapshot.tags.contains { $0.tag == tag && (name == nil || $0.name == name) })
                && (label == nil || snapshot.labels.contains { $0.key == label || "\($0.key)=\($0.value)" == label })
        }
        let rest = cursor.map { id in wanted.drop { $0.id.description != id }.dropFirst() } ?? wanted[...]
        let page = rest.prefix(Self.pageMax)
        return try .json(
            SnapshotListMessage(
                snapshots: page.map { SnapshotMessage($0) },
                cursor: page.count < rest.count ? page.last?.id.description : nil))
    }

    static func visibility(_ text: String) throws(StoreError) -> SnapshotVisibility {
        guard let visibility = SnapshotVisibility(rawValue: text) else {
            throw StoreError(.invalid, "The visibility is neither `organization` nor `public`.")
        }
        return visibility
    }

    private static let pageMax = 500

    @Sendable private func get(_ request: Request, _ context: ServiceContext) async throws -> Response {
        try .json(SnapshotMessage(try await snapshot(context, .readSnapshots)))
    }

    @Sendable private func delete(_ request: Request, _ context: ServiceContext) async throws -> Response {
        let found = try await own(context, .deleteSnapshots)
        let author = context.author(try context.bearer(.deleteSnapshots))
        try await executor.run { [store] in try store.deleteSnapshot(id: found.id, org: found.org, by: author) }
        return Response(status: .noContent)
    }

    @Sendable private func manifest(_ request: Request, _ context: ServiceContext) async throws -> Response {
        let (found, org) = try await readable(context)
        return .bytes(
            try await executor.run { [store] in
                try store.reader(org: org).read(ObjectKey(.manifest, found.manifest))
            })
    }

    @Sendable private func object(_ request: Request, _ context: ServiceContext) async throws -> Response {
        let (_, org) = try await readable(context)
        guard let kind = context.parameters.get("kind").flatMap(Self.kind),
            let digest = context.parameters.get("digest").flatMap({ Digest($0) })
        else { throw StoreError(.invalid, "That is no object's kind and digest.") }
        return .bytes(
            try await executor.run { [store] in
                try Self.withoutNames { try store.reader(org: org).read(ObjectKey(kind, digest)) }
            })
    }

    private static func kind(_ text: String) -> ObjectKind? {
        ObjectKind.allCases.first { "\($0)" == text && $0 != .record }
    }

    /// What cannot be found or read is not there, for whoever asks over the network.
    private static func withoutNames<Value>(_ body: () throws -> Value) throws -> Value {
        do {
            return try body()
        } catch let error as StoreError where error.code == .notFound {
            throw StoreError(.notFound, "There is no such object.")
        }
    }

    /// Objects as a bundle, in the order in which they are stored. Sent as it is made: a failure cuts it short.
    @Sendable private func bundle(_ request: Request, _ context: ServiceContext) async throws -> Response {
        let (_, org) = try await readable(context)
        let list = try Self.list(
            try await request.bytes(limit: KeyList.bundleBytesMax), countMax: KeyList.bundleCountMax)
        let reader = try store.reader(org: org)
        // What is missing is said before the first byte.
        let groups = try await executor.run {
            try Self.withoutNames { try reader.shares(of: list.keys).grouped(objects: Self.bundleBatch) }
        }
        let body = ResponseBody { [executor] writer in
            for group in groups {
                let bytes = try await executor.run {
                    try BundledObjects(group, reader, wantsChildren: false).bytes
                }
                try await writer.write(ByteBuffer(bytes: bytes))
            }
            try await writer.finish(nil)
        }
        return Response(status: .ok, headers: [.contentType: "application/octet-stream"], body: body)
    }

    /// Objects that are read, and sent, together: about two frames.
    private static let bundleBatch = 128

    /// The snapshot in the path, if the bearer may do this with it: of its organisation, or public.
    func snapshot(_ context: ServiceContext, _ scope: AccessScope) async throws -> SnapshotRecord {
        let bearer = try context.bearer(scope)
        let id = context.parameters.get("id").flatMap { RecordID($0) }
        let found = try await executor.run { [store] in
            try id.flatMap { try store.visibleSnapshot(id: $0, org: bearer.org) }
        }
        guard let found else { throw Self.noSnapshot }
        return found
    }

    /// The same, and the organisation of who asks: objects are read with its eyes, whosever the snapshot is.
    private func readable(_ context: ServiceContext) async throws -> (SnapshotRecord, org: String) {
        (try await snapshot(context, .readSnapshots), try context.bearer(.readSnapshots).org)
    }

    /// The snapshot in the path, which has to be of the bearer's organisation.
    func own(_ context: ServiceContext, _ scope: AccessScope) async throws -> SnapshotRecord {
        let found = try await snapshot(context, scope)
        guard try found.org == context.bearer(scope).org else {
            throw StoreError(.notAllowed, "The snapshot is public, and belongs to another organisation.")
        }
        return found
    }

    static let noSnapshot = StoreError(.notFound, "There is no such snapshot.")
}
