internal import SnapCatalogue
internal import SnapDigest

/// Whether a commit or `tag` may point a tag at a manifest.
enum TagRule {
    enum Verdict: Sendable {
        /// The tag is new or may move; the manifest it names now, if any.
        case set(replacing: Digest?)
        /// It names the same content already: nothing is to be done.
        case same(record: [UInt8])
    }

    /// The rule: `latest` moves freely; another tag that exists moves only by `force` or a match; the same content is
    /// always a success.
    ///
    /// - Throws: ``StoreError/Code/preconditionFailed``.
    static func judge(
        name: String, tag: String, existing: (record: [UInt8], manifest: Digest, version: Int64)?, manifest: Digest,
        ifMatch: SnapshotDraft.Match?, force: Bool
    ) throws -> Verdict {
        switch ifMatch {
        case .some(.none):
            if let existing {
                if existing.manifest == manifest { return .same(record: existing.record) }
                throw StoreError(
                    .preconditionFailed, "The tag \(name):\(tag) exists: it names \(existing.manifest).",
                    hint: "Choose another tag, or give `--if-match \(existing.manifest)` to replace it.")
            }
            return .set(replacing: nil)
        case .some(.manifest(let expected)):
            guard let existing else {
                throw StoreError(
                    .preconditionFailed, "The tag \(name):\(tag) does not exist, so it does not name \(expected).",
                    hint: "Leave out --if-match, or give `--if-match none`, to make it.")
            }
            guard existing.manifest.description == expected else {
                throw StoreError(
                    .preconditionFailed, "The tag \(name):\(tag) names \(existing.manifest), not \(expected).",
                    hint: "Look at what it names now: `snapstore get \(name):\(tag)`.")
            }
        case .some(.version(let expected)):
            try check(name: name, tag: tag, version: existing?.version, is: expected)
        case nil:
            break
        }
        guard let existing else { return .set(replacing: nil) }
        if existing.manifest == manifest { return .same(record: existing.record) }
        guard force || ifMatch != nil || tag == "latest" else {
            throw StoreError(
                .preconditionFailed, "The tag \(name):\(tag) exists with other content: \(existing.manifest).",
                hint: "Choose another tag, or move it with `--if-match \(existing.manifest)` or `--force`.")
        }
        return .set(replacing: existing.manifest)
    }

    /// - Throws: ``StoreError/Code/preconditionFailed``.
    static func check(name: String, tag: String, version: Int64?, is expected: Int64) throws(StoreError) {
        guard version != expected else { return }
        throw StoreError(
            .preconditionFailed,
            version.map { "The tag \(name):\(tag) is at version \($0), not \(expected)." }
                ?? "The tag \(name):\(tag) does not exist, so it is not at version \(expected).",
            hint: "Look at what it names now.")
    }
}

extension ReadAccess {
    /// What a tag names now.
    func tagged(org: Int64, name: String, tag: String) throws
        -> (record: [UInt8], manifest: Digest, version: Int64)?
    {
        guard let row = try self.tag(org: org, name: name, tag: tag), let record = try record(row.record) else {
            return nil
        }
        return (row.record, record.manifest, row.version)
    }
}
