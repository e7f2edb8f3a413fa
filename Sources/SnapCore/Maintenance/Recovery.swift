internal import SnapCatalogue
internal import SnapIO
internal import SnapModel
internal import SnapPacks

// What a process left behind when it died: the next one to open the store cleans up, without a command for it.

extension Store {
    /// Removes what sessions wrote whose process is gone. Jobs that they had queued are continued by whoever settles
    /// the queue; their packs stay.
    func cleanUpDeadSessions() throws {
        for session in try catalogue.read({ try $0.sessions() }) {
            // A lock that can be taken belongs to nobody alive.
            guard let lock = try SessionLock.tryTake(path: layout.sessionFile(session.uid)) else { continue }
            defer { lock.release() }
            if try catalogue.read({ try $0.hasJob(session: session.id) }) {
                try runner.settle(scope: session.scope)
            }
            try forget(session: session)
        }
        try removeDroppedPacks()
        try removeUnknownSessionFiles()
    }

    /// Forgets a session: packs that it published are released, pending ones are removed with their files. Not one whose
    /// commit is still queued: whoever settles that, or takes it back, needs what the session has written.
    func forget(session: SessionRow) throws {
        guard try !catalogue.read({ try $0.hasJob(session: session.id) }) else { return }
        if try catalogue.read({ try $0.hasUploads(session: session.id) }) {
            var budget = BatchBudget()
            var limit = budget.rows
            while try budget.write(catalogue, "forget", { try $0.deleteUploads(session: session.id, limit: limit) })
                == limit
            { limit = budget.rows }
        }
        for pack in try catalogue.read({ try $0.packs(session: session.id) }) where pack.state == .pending {
            try drop(pack)
        }
        func end() throws -> Bool {
            try catalogue.write("session-end") { tx in
                guard try tx.releasePacks(session: session.id, limit: 500) < 500 else { return false }
                try tx.deleteSession(session.id)
                return true
            }
        }
        while try !end() {}
    }

    /// Deletes a pack that nothing names. Says whether: another process may have taken it into use since `pack` was read,
    /// settling the commit of the session that is forgotten here; or a backup is under way, whose catalogue may name it.
    @discardableResult
    func drop(_ pack: PackRow) throws -> Bool {
        let isDropped = try catalogue.write("drop") { tx in
            if pack.state == .live, try isBeingBackedUp(tx.reading) { return false }
            return try tx.dropPack(pack.id, in: pack.state)
        }
        guard isDropped else { return false }
        try removeDropped(pack)
        return true
    }

    /// Removes a pack that is marked as dropped: first its rows, then its file, then its name.
    func removeDropped(_ pack: PackRow) throws {
        while try catalogue.write("drop-frames", { try $0.deleteFrames(pack: pack.id, limit: 900) }) == 900 {}
        if let id = PackID(bytes: pack.uid), let scope = try catalogue.read({ try $0.scope(pack.scope) }) {
            try backend.delete(scope: scope.name, id: id)
        }
        try catalogue.write("drop-pack") { try $0.deletePack(pack.id) }
    }

    private func removeDroppedPacks() throws {
        for pack in try catalogue.read({ try $0.packs(state: .dropped) }) { try removeDropped(pack) }
    }

    /// A session makes its file before its row; a process that died between the two leaves a file alone.
    private func removeUnknownSessionFiles() throws {
        let names = try Kernel.names(inDirectory: layout.sessions)
        guard !names.isEmpty else { return }
        let known = Set(try catalogue.read { try $0.sessions() }.map(\.uid))
        for name in names.map({ String(decoding: $0, as: UTF8.self) }) where !known.contains(name) {
            // Taken and released: the lock of a session that is just starting cannot be taken.
            try SessionLock.tryTake(path: layout.sessionFile(name))?.release()
        }
    }
}
