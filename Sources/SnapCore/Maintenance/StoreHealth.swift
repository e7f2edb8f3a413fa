internal import SnapCatalogue
internal import SnapDigest
internal import SnapIO
internal import SnapPacks

/// What a store tells of itself to whoever looks after it.
package struct StoreHealth: Sendable, Hashable {
    package struct OpenSession: Sendable, Hashable {
        /// What it is for: create, restore …
        package let kind: String
        package let startedMilliseconds: Int64
        /// The file whose lock says that its process lives.
        package let file: String
    }

    /// What SQLite says of the catalogue's connection.
    package var journalMode = ""
    package var synchronous: Int64 = 0
    package var autocheckpoint: Int64 = 0
    /// Bytes of the write-ahead log.
    package var logBytes: UInt64 = 0
    package var sessions: [OpenSession] = []
    /// nil: none has been made.
    package var lastBackupMilliseconds: Int64?
    package var createdMilliseconds: Int64 = 0
    /// Wall time less ledger time at this moment, nanoseconds; nil while the ledger has no clock yet.
    package var clockOffsetNanoseconds: Int64?
    package var hasClockStep = false
    package var hasClockGap = false
    /// Objects of all scopes that failed their check and wait for a new copy; at most 1,000 a scope are counted.
    package var badObjects = 0
}

extension Store {
    /// Costs a few look-ups; changes nothing.
    package func health() throws(StoreError) -> StoreHealth {
        try StoreError.mapped {
            var health = StoreHealth()
            let settings = try catalogue.settings()
            health.journalMode = settings.journalMode
            health.synchronous = settings.synchronous
            health.autocheckpoint = settings.autocheckpoint
            health.logBytes = (try? Kernel.fileSize(layout.catalogue + "-wal")) ?? 0
            let status = try Kernel.status(path: layout.format)
            health.createdMilliseconds = status.modifiedSeconds.multipliedReportingOverflow(by: 1000).partialValue
            health.lastBackupMilliseconds = try CatalogueBackup.all(in: layout.backups).last?.takenMilliseconds
            let now = clock.reading()
            try catalogue.read { tx in
                health.sessions = try tx.sessions().map {
                    StoreHealth.OpenSession(
                        kind: $0.kind, startedMilliseconds: $0.startedMilliseconds, file: layout.sessionFile($0.uid))
                }
                for scope in try tx.scopes() {
                    health.badObjects += try tx.badObjects(scope: scope.id, limit: 1000).count
                }
                guard var ledger = try tx.ledgerClock() else { return }
                let wasFlagged = ledger.flag
                let stamp = ledger.stamp(at: now)
                health.clockOffsetNanoseconds = now.wallNanoseconds.subtractingReportingOverflow(stamp).partialValue
                for flag in [wasFlagged, ledger.flag] {
                    if flag == .step { health.hasClockStep = true }
                    if flag == .gap { health.hasClockGap = true }
                }
            }
            return health
        }
    }
}

/// The libraries of the system that this process runs with.
package enum SystemLibraries {
    package struct Library: Sendable, Hashable {
        package let name: String
        package let version: String
        /// Major and minor version of the oldest that will do.
        package let oldest: [Int]

        package var isNewEnough: Bool {
            let parts = version.split(separator: ".").map { Int($0.prefix { $0.isNumber }) ?? 0 }
            return !parts.lexicographicallyPrecedes(oldest)
        }
    }

    package static var all: [Library] {
        [
            // STRICT tables came with 3.37.
            Library(name: "SQLite", version: Catalogue.libraryVersion, oldest: [3, 37]),
            Library(name: "zstd", version: FrameCompressor.libraryVersion, oldest: [1, 4]),
            Library(name: "OpenSSL", version: SHA256.libraryVersion, oldest: [3, 0]),
        ]
    }
}
