import HTTPTypes
import Hummingbird
import NIOCore
import SnapCore
import SnapIO
import SnapModel
import SnapTransfer

// A push: opened, asked what is missing, given bundles, committed.

extension Service {
    func addPushRoutes(_ api: RouterGroup<ServiceContext>) {
        api.post("/snapshots", use: openPush)
        api.post("/sessions/{session}/missing", use: missing)
        api.put("/sessions/{session}/bundles/{number}", use: putBundle)
        api.post("/sessions/{session}/commit", use: commit)
        api.delete("/sessions/{session}", use: endPush)
    }

    @Sendable private func openPush(_ request: Request, _ context: ServiceContext) async throws -> Response {
        let bearer = try context.bearer(.writeSnapshots)
        let message = try await request.message(OpenPushMessage.self)
        let key = HTTPField.Name("Idempotency-Key").flatMap { request.headers[$0] }
        let opened = try await executor.run { try pushes.begin(message, key: key, bearer) }
        return try .json(opened, status: opened.session == nil ? .ok : .created)
    }

    @Sendable private func missing(_ request: Request, _ context: ServiceContext) async throws -> Response {
        let push = try push(context)
        let bytes = try await request.bytes(limit: KeyList.bytesMax)
        let list = try Self.list(bytes)
        return .bytes(try await executor.run { try push.missing(list).encode() })
    }

    static func list(_ bytes: [UInt8], countMax: Int = KeyList.countMax) throws(StoreError) -> KeyList {
        do throws(FormatError) {
            return try KeyList.decode(bytes, countMax: countMax)
        } catch {
            throw StoreError(.invalid, error.message)
        }
    }

    /// Keeps every frame that is complete, also of a request that is cut.
    @Sendable private func putBundle(_ request: Request, _ context: ServiceContext) async throws -> Response {
        let push = try push(context)
        guard let number = context.parameters.get("number"), UInt64(number) != nil else {
            throw StoreError(.invalid, "The bundle's number is none.")
        }
        var parser = BundleParser()
        var taken = TakenBundleMessage(objects: 0, bytes: 0)
        do {
            for try await piece in request.body {
                var frames: [BundleFrame] = []
                try piece.withUnsafeReadableBytes { bytes in try parser.feed(bytes) { frames.append($0) } }
                guard !frames.isEmpty else { continue }
                let ready = frames
                let some = try await executor.run { try ready.map { try push.take($0) } }
                taken.objects += some.reduce(0) { $0 + $1.objects }
                taken.bytes += some.reduce(0) { $0 + $1.bytes }
            }
        } catch let error as FormatError {
            throw StoreError(.invalid, error.message)
        }
        guard parser.isBetweenFrames else { throw StoreError(.invalid, "The bundle ends within a frame.") }
        try await executor.run { try push.flush() }
        return try .json(taken)
    }

    @Sendable private func commit(_ request: Request, _ context: ServiceContext) async throws -> Response {
        let push = try push(context)
        let author = context.author(try context.bearer(.writeSnapshots))
        let result = try await executor.run { try push.commit(by: author) }
        return try .json(CommittedMessage(result), status: result.isNew ? .created : .ok)
    }

    @Sendable private func endPush(_ request: Request, _ context: ServiceContext) async throws -> Response {
        _ = try push(context)
        if let id = context.parameters.get("session") { try await executor.run { pushes.end(id) } }
        return Response(status: .noContent)
    }

    private func push(_ context: ServiceContext) throws(StoreError) -> PushSession {
        try pushes.session(context.parameters.get("session") ?? "", context.bearer(.writeSnapshots))
    }
}
