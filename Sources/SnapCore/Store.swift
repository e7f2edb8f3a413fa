internal import SnapCatalogue
package import SnapIO
internal import SnapModel
internal import SnapPacks

/// A store: objects in packs, what is known of them in the catalogue, and the snapshots that hold them.
///
/// Any number of processes use one store at once. Everything that is acknowledged is on disk. Safe to use from several
/// threads; calls block, so callers on a cooperative pool go through a blocking executor.
package final class Store: Sendable {
    package let layout: StoreLayout
    /// 32 hexadecimal digits, chosen when the store was made.
    package let storeID: String
    let disk: Disk
    let catalogue: Catalogue
    let backend: any PackBackend
    let frames: FrameReader
    let clock: StoreClock
    private let jobs: JobLimits

    init(
        layout: StoreLayout, storeID: String, disk: Disk, catalogue: Catalogue, backend: any PackBackend,
        jobs: JobLimits = JobLimits()
    ) throws {
        self.layout = layout
        self.storeID = storeID
        self.disk = disk
        self.catalogue = catalogue
        self.backend = backend
        self.jobs = jobs
        frames = FrameReader(catalogue: catalogue, backend: backend)
        clock = try StoreClock()
    }

    /// Opens the store at `path` and cleans up after sessions that died.
    ///
    /// - Parameters:
    ///   - create: Make the store when there is none; otherwise that is ``StoreError/Code/notFound``.
    ///   - disk: Where every durable operation passes its gate.
    ///   - jobs: How this process divides the work of commits and deletes.
    /// - Throws: ``StoreError``; nothing is left behind that a second try would stumble over.
    package static func open(path: String, create: Bool, disk: Disk = Disk(), jobs: JobLimits = JobLimits())
        throws(StoreError) -> Store
    {
        try StoreError.mapped {
            let layout = StoreLayout(root: path)
            let isNew = try isMissing(layout.format)
            if isNew {
                guard create else {
                    throw StoreError(
                        .notFound, "There is no store at \(path).",
                        hint: "Give its path with --store or SNAPSTORE_STORE, or make one with `snapstore create`.")
                }
                try make(layout, disk)
            }
            let format = try StoreFormat(
                parsing: try Kernel.readFile(layout.format, limit: 4096), path: layout.format)
            // FORMAT is written last: where it is, only a lost catalogue can be missing.
            let catalogue = try openCatalogue(layout, create: isNew, disk: disk)
            let store = try Store(
                layout: layout, storeID: format.storeID, disk: disk, catalogue: catalogue,
                backend: try LocalPackBackend(root: layout.packs, disk: disk), jobs: jobs)
            // Best effort: a store on a full disk, or a busy one, is still to be read, and to be collected.
            if !catalogue.isReadOnly { try? store.cleanUpDeadSessions() }
            if isNew { store.reserve.make() }
            return store
        }
    }

    /// On a full disk there may be no room even for SQLite's index of its log.
    private static func openCatalogue(_ layout: StoreLayout, create: Bool, disk: Disk) throws -> Catalogue {
        do {
            return try Catalogue.open(directory: layout.root, create: create, disk: disk)
        } catch {
            guard error.code == .outOfSpace, Reserve(path: layout.reserve).giveUp() else { throw error }
            return try Catalogue.open(directory: layout.root, create: create, disk: disk)
        }
    }

    /// - Throws: ``IOError`` where it cannot be told.
    private static func isMissing(_ path: String) throws(IOError) -> Bool {
        do throws(IOError) {
            _ = try Kernel.status(path: path)
            return false
        } catch {
            guard error.isNotFound else { throw error }
            return true
        }
    }

    /// Makes the directories, the catalogue, and last the FORMAT file that says the store is whole. Each is durable
    /// before what relies on it: a power cut leaves a whole store, or none. Of several processes that do so at once one
    /// makes it, and the others wait.
    private static func make(_ layout: StoreLayout, _ disk: Disk) throws {
        try checkRoom(for: layout)
        try disk.makeMissingParents(of: layout.root)
        try disk.makeDirectory(layout.root, mode: 0o700)
        let root = try Kernel.open(layout.root, [.readOnly, .directory])
        while try !Kernel.tryLock(root) { Kernel.sleep(milliseconds: 2) }
        guard !Kernel.exists(layout.format) else { return }
        for directory in layout.directories {
            try disk.makeDirectory(directory, mode: 0o700)
            try disk.syncParent(of: directory)
        }
        try Catalogue.open(directory: layout.root, create: true, disk: disk).close()
        try disk.replaceFile(layout.format, with: StoreFormat().bytes)
    }

    /// A store is made where nothing is, or where a process died that was making one.
    private static func checkRoom(for layout: StoreLayout) throws {
        guard try !isMissing(layout.root) else { return }
        guard try Kernel.status(path: layout.root).type == .directory else {
            throw StoreError(
                .invalid, "\(layout.root) is no directory, so it is no store.",
                hint: "Give another path with --store or SNAPSTORE_STORE.")
        }
        guard !Kernel.exists(layout.unfinishedRestoration) else {
            throw StoreError(
                .preconditionFailed, "The store at \(layout.root) is being made from a backup.",
                hint: "When that was cut short, repeat it: snapstore store restore DIR --store \(layout.root)")
        }
        for name in try Kernel.names(inDirectory: layout.root) where !layout.isOurs(name) {
            throw StoreError(
                .preconditionFailed, "\(layout.root) is no store, and it is not empty: it holds \(escaped(name)).",
                hint: "Give the path of an empty directory, or of one that does not exist.")
        }
    }

    /// Ends the use of the store by this value. Sessions must have ended.
    package func close() {
        catalogue.close()
    }

    /// Reads the objects that `org` may see.
    ///
    /// - Throws: ``StoreError/Code/notFound`` for an unknown organisation.
    package func reader(org: String) throws(StoreError) -> ObjectReader {
        try StoreError.mapped {
            ObjectReader(catalogue: catalogue, frames: frames, scope: try knownOrg(org).scope)
        }
    }

    var runner: JobRunner {
        JobRunner(catalogue: catalogue, frames: frames, backend: backend, clock: clock, limits: jobs)
    }

    func knownOrg(_ name: String) throws -> OrgRow {
        guard let org = try catalogue.read({ try $0.org(named: name) }) else {
            throw StoreError(.notFound, "There is no organisation `\(name)` in this store.")
        }
        return org
    }

    /// The organisation with this name, made if need be.
    func ensureOrg(_ name: String) throws -> OrgRow {
        if let org = try catalogue.read({ try $0.org(named: name) }) { return org }
        try Self.refuseReserved(name)
        return try catalogue.write("org") { tx in
            try tx.reading.org(named: name)
                ?? tx.insertOrg(named: name, createdMilliseconds: clock.milliseconds())
        }
    }
}
