internal import SnapCatalogue
internal import SnapModel

extension WriteAccess {
    /// Queues a job behind those of its scope, stamped now. Returns its number.
    ///
    /// - Parameters:
    ///   - record: The snapshot that it is about.
    ///   - draft: What it does when all is counted, as ``JobDraft/encoded()`` gives it.
    func queue(
        _ kind: JobKind, in scope: ScopeID, _ roots: [ObjectKey], record: [UInt8], label: String, draft: String,
        session: Int64? = nil, at reading: LedgerClock.Reading
    ) throws -> Int64 {
        try insertJob(
            JobRow(
                id: 0, scope: scope, kind: kind, state: .running, stamp: stamp(reading), session: session,
                record: record, label: label, roots: roots, nextRoot: 0, bytes: 0, draft: draft, errorCode: nil,
                errorMessage: nil))
    }
}
