import HTTPTypes
import Hummingbird
import SnapCore
import SnapDigest
import SnapIO
import SnapModel
import SnapTransfer

// What becomes of a snapshot that is there: who may read it, how long it stays, what names it, and copies of it.

extension Service {
    func addSharingRoutes(_ api: RouterGroup<ServiceContext>) {
        api.put("/snapshots/{id}/visibility", use: setVisibility)
        api.put("/snapshots/{id}/protection", use: setProtection)
        api.post("/snapshots/{id}/copy", use: copy)
        api.get("/tags/{name}/{tag}", use: tag)
        api.put("/tags/{name}/{tag}", use: setTag)
        api.delete("/tags/{name}/{tag}", use: deleteTag)
    }

    @Sendable private func setVisibility(_ request: Request, _ context: ServiceContext) async throws -> Response {
        let found = try await own(context, .publishSnapshots)
        let message = try await request.message(VisibilityMessage.self)
        let author = context.author(try context.bearer(.publishSnapshots))
        let visibility = try Self.visibility(message.visibility)
        return try await executor.run { [store] in
            switch visibility {
            case .public: try SnapshotCopy(store).publish(found, by: author)
            case .organization: try store.unpublish(found.id, org: found.org, by: author)
            }
            return try Self.answer(found, store)
        }
    }

    @Sendable private func setProtection(_ request: Request, _ context: ServiceContext) async throws -> Response {
        let found = try await own(context, .writeSnapshots)
        let message = try await request.message(ProtectionMessage.self)
        return try await executor.run { [store] in
            try store.setProtected(message.protected, id: found.id, org: found.org)
            return try Self.answer(found, store)
        }
    }

    /// Another snapshot of the bearer's organisation, of content that it may read.
    @Sendable private func copy(_ request: Request, _ context: ServiceContext) async throws -> Response {
        let bearer = try context.bearer(.writeSnapshots)
        let found = try await snapshot(context, .readSnapshots)
        let message = try await request.message(CopyMessage.self)
        try StoreError.checkName(message.name, tag: message.tag)
        var draft = SnapshotDraft(name: message.name, tag: message.tag, manifest: found.manifest, kind: found.kind)
        draft.force = message.force ?? false
        draft.creator = bearer.subject
        draft.labels = found.labels
        draft.author = context.author(bearer)
        let ready = draft
        let result = try await executor.run { [store] in
            try SnapshotCopy(store).copy(found, readBy: bearer.org, to: bearer.org, as: ready)
        }
        return try .json(CommittedMessage(result), status: result.isNew ? .created : .ok)
    }

    // MARK: Tags

    @Sendable private func tag(_ request: Request, _ context: ServiceContext) async throws -> Response {
        let bearer = try context.bearer(.readSnapshots)
        let name = Self.tagName(context)
        return try Self.answer(try await executor.run { [store] in try store.tagState(name, org: bearer.org) })
    }

    /// Moves or makes a tag: with `If-Match` only if it is at that version, with `If-None-Match: *` only if there is none.
    @Sendable private func setTag(_ request: Request, _ context: ServiceContext) async throws -> Response {
        let bearer = try context.bearer(.writeSnapshots)
        let message = try await request.message(SetTagMessage.self)
        let name = Self.tagName(context)
        try StoreError.checkName(name.name, tag: name.tag)
        let match = try Self.match(request)
        let author = context.author(bearer)
        return try await executor.run { [store] in
            guard let found = try RecordID(message.snapshot).flatMap({ try store.snapshot(id: $0, org: bearer.org) })
            else { throw Self.noSnapshot }
            let set = try store.setTag(
                org: bearer.org, name: name.name, tag: name.tag, to: found, ifMatch: match,
                force: message.force ?? false, by: author)
            return try Self.answer(set.state, replaced: set.replaced)
        }
    }

    /// With the last tag its snapshot goes, too.
    @Sendable private func deleteTag(_ request: Request, _ context: ServiceContext) async throws -> Response {
        let bearer = try context.bearer(.deleteSnapshots)
        let name = Self.tagName(context)
        guard request.headers[.ifNoneMatch] == nil else {
            throw StoreError(.invalid, "If-None-Match does not go with the removal of a tag.", hint: "Give If-Match.")
        }
        let version = try Self.version(request)
        try await executor.run { [store] in
            _ = try store.deleteTag(org: bearer.org, name: name.name, tag: name.tag, version: version)
        }
        return Response(status: .noContent)
    }

    private static func tagName(_ context: ServiceContext) -> SnapshotTag {
        SnapshotTag(name: context.parameters.get("name") ?? "", tag: context.parameters.get("tag") ?? "")
    }

    /// What the tag must be for the request to be carried out; nil for anything.
    private static func match(_ request: Request) throws(StoreError) -> SnapshotDraft.Match? {
        if let none = request.headers[.ifNoneMatch] {
            guard none == "*" else { throw StoreError(.invalid, "If-None-Match is not `*`.") }
            return SnapshotDraft.Match.none
        }
        return try version(request).map { .version($0) }
    }

    private static func version(_ request: Request) throws(StoreError) -> Int64? {
        guard let text = request.headers[.ifMatch] else { return nil }
        guard text.count > 2, text.hasPrefix("\""), text.hasSuffix("\""),
            let version = Int64(text.dropFirst().dropLast())
        else { throw StoreError(.invalid, "If-Match is not the ETag of a tag.", hint: "It is a number in quotes.") }
        return version
    }

    private static func answer(_ state: TagState, replaced: Digest? = nil) throws -> Response {
        var response = try Response.json(TagMessage(state, replaced: replaced))
        response.headers[.eTag] = "\"\(state.version)\""
        return response
    }

    /// A snapshot as it is now.
    private static func answer(_ snapshot: SnapshotRecord, _ store: Store) throws -> Response {
        guard let now = try store.snapshot(id: snapshot.id, org: snapshot.org) else { throw noSnapshot }
        return try .json(SnapshotMessage(now))
    }
}
