package import SnapCore
package import SnapIO
internal import SnapModel

/// Puts a tar archive into a session as a snapshot: what unpacking it as root would make of an empty directory.
///
/// Members come in any order; of several with one name the last counts. Directories that are only in paths are made.
/// Contents go to the session as they come. Entries are sorted, through scratch files when they are many, and then make
/// the tree: memory depends on the depth of the tree alone.
package struct TarImport {
    private let sink: any ObjectSink
    private let scratch: () throws -> Descriptor
    private let progress: Progress
    private let accounts: TarAccounts
    private let memoryBytesMax: Int

    /// - Parameters:
    ///   - accounts: whose names access control lists may use.
    ///   - memoryBytesMax: bytes that entries may take before they go to a scratch file.
    ///   - scratch: opens an unnamed file for reading and writing.
    package init(
        sink: any ObjectSink, progress: Progress = Progress(), accounts: TarAccounts = TarAccounts(),
        memoryBytesMax: Int = 16 << 20, scratch: @escaping () throws -> Descriptor
    ) {
        self.sink = sink
        self.scratch = scratch
        self.progress = progress
        self.accounts = accounts
        self.memoryBytesMax = memoryBytesMax
    }

    /// Reads the archive to its end. Nothing refers to the objects when this returns: the caller commits the manifest.
    ///
    /// - Parameter read: Fills a part of a buffer and says how much; 0 at the end.
    /// - Throws: ``StoreError/Code/corrupt`` when the archive is cut or damaged, ``StoreError/Code/invalid`` when it is
    ///   none, or says what cannot be; what the sink throws.
    package func run(
        read: @escaping (UnsafeMutableRawBufferPointer) throws -> Int
    ) throws(StoreError) -> CaptureResult {
        do {
            progress.enter(.reading)
            let objects = try ObjectWriter(sink: sink)
            var collector = try TarCollector(
                TarReader(read), objects: objects, accounts: accounts, progress: progress, makeSorter: makeSorter)
            try collector.collect()
            let links = LinkCollector(objects: objects, memoryBytesMax: memoryBytesMax, scratch: scratch)
            var assembly = try TarAssembly(objects: objects, links: links, report: collector.report)
            let root = try assembly.assemble(collector.entries, try collector.resolveLinks())
            return try finish(root, &assembly, objects)
        } catch let failure as SinkFailure {
            throw StoreError(mapping: failure.cause)
        } catch {
            throw StoreError(mapping: error)
        }
    }

    private func makeSorter() -> RecordSorter {
        RecordSorter(memoryBytesMax: memoryBytesMax, scratch: scratch)
    }

    private func finish(_ root: Entry, _ assembly: inout TarAssembly, _ objects: ObjectWriter) throws -> CaptureResult {
        var manifest = Manifest(kind: .directory, root: try objects.put(.tree, try RootNode.encode(root)))
        manifest.links = try assembly.writeLinks()
        let digest = try objects.put(.manifest, try manifest.encode())
        let report = assembly.report
        return CaptureResult(
            manifest: digest, kind: .directory, counts: report.counts, warnings: report.warnings,
            notices: report.allNotices, statCache: nil)
    }
}

extension StoreError {
    /// A member of an archive that cannot be taken.
    static func refusedMember(_ path: [UInt8], _ reason: String) -> StoreError {
        StoreError(.invalid, "The archive's entry \(path.isEmpty ? "without a name" : shown(path)): \(reason).")
    }
}
