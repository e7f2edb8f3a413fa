package import SnapCore
internal import SnapIO
internal import SnapModel

/// Looks at the machine and a store for what makes trouble later. Reads, and changes nothing but what opening a store
/// cleans up.
package struct Doctor {
    package enum Level: String, Sendable, Comparable {
        case ok
        /// It works, but somebody should look at it.
        case warn
        /// It does not work.
        case fail

        package static func < (left: Level, right: Level) -> Bool { left.rank < right.rank }

        private var rank: Int {
            switch self {
            case .ok: 0
            case .warn: 1
            case .fail: 2
            }
        }
    }

    package struct Finding: Sendable, Hashable {
        package let check: String
        package let level: Level
        /// What was found.
        package let message: String
        /// What to do; nil when there is nothing to do.
        package let advice: String?

        init(_ check: String, _ level: Level, _ message: String, _ advice: String? = nil) {
            self.check = check
            self.level = level
            self.message = message
            self.advice = advice
        }
    }

    private let layout: StoreLayout
    private let open: () throws(StoreError) -> Store
    private static let hour: Int64 = 3_600_000
    /// How long a writer may keep the catalogue before it is in the way.
    private static let lockSeconds = 3.0

    package init(path: String, open: @escaping () throws(StoreError) -> Store) {
        layout = StoreLayout(root: path)
        self.open = open
    }

    /// Calls `report` with each finding as it comes.
    package func run(_ report: (Finding) throws -> Void) throws {
        for finding in [kernel(), fuse(), libraries(), openFiles()] { try report(finding) }
        guard Kernel.exists(layout.format) else { return try report(noStore()) }
        for finding in [owner(), fileSystem(), freeSpace()] { try report(finding) }
        let lock = writerLock()
        try report(lock)
        // It would wait for the same lock for half a minute.
        guard lock.level != .fail else { return }
        let health: StoreHealth
        do throws(StoreError) {
            let store = try open()
            defer { store.close() }
            health = try store.health()
        } catch {
            return try report(Finding("catalogue", .fail, error.message, error.hint ?? "Run `snapstore fsck`."))
        }
        for finding in [catalogue(health), objects(health), sessions(health), clock(health), backup(health)] {
            try report(finding)
        }
    }

    private var now: Int64 { Kernel.wallNanoseconds() / 1_000_000 }
}

// MARK: The machine

extension Doctor {
    private func kernel() -> Finding {
        let release = ((try? Kernel.readFile("/proc/sys/kernel/osrelease", limit: 4096)) ?? []).filter { $0 > 0x20 }
        let name = release.isEmpty ? "Linux" : "Linux " + escaped(release)
        do throws(IOError) {
            let root = try Kernel.open("/", [.readOnly, .directory])
            _ = try Kernel.openBeneath(root, [46], [.readOnly, .directory])
        } catch {
            return Finding(
                "kernel", .fail, "\(name) has no openat2, without which nothing is restored: \(error.description)",
                "Use Linux 5.6 or later, and let the sandbox's system call filter pass openat2.")
        }
        guard Kernel.exists("/proc/self/fd") else {
            return Finding(
                "kernel", .warn, "\(name); /proc is not mounted.", "Mount it: who holds a lock is read there.")
        }
        return Finding("kernel", .ok, "\(name) has openat2.")
    }

    private func fuse() -> Finding {
        Finding(
            "fuse", .ok,
            Kernel.exists("/dev/fuse")
                ? "/dev/fuse is there." : "There is no /dev/fuse; no command of this version needs it.")
    }

    private func libraries() -> Finding {
        let all = SystemLibraries.all
        let text = all.map { "\($0.name) \($0.version)" }.joined(separator: ", ")
        let old = all.filter { !$0.isNewEnough }
        guard !old.isEmpty else { return Finding("libraries", .ok, text + ".") }
        let wanted = old.map { "\($0.name) \($0.oldest.map(String.init).joined(separator: "."))" }
        return Finding(
            "libraries", .fail, "\(text): too old.", "Install \(wanted.joined(separator: ", ")) or later.")
    }

    private func openFiles() -> Finding {
        let limit = Kernel.openFileLimit()
        guard limit < 256 else { return Finding("open files", .ok, "\(limit) at once are allowed.") }
        return Finding(
            "open files", .warn, "Only \(limit) at once are allowed; deep trees need more.",
            "Raise the hard limit: `ulimit -Hn 4096`.")
    }
}

// MARK: The store's directory

extension Doctor {
    private var shownPath: String { escaped(Array(layout.root.utf8)) }

    private func noStore() -> Finding {
        Finding(
            "store", .warn, "There is no store at \(shownPath).",
            "Give its path with --store or SNAPSTORE_STORE, or make one with `snapstore create`.")
    }

    private func owner() -> Finding {
        for directory in [layout.root, layout.packs, layout.sessions, layout.backups] {
            let shown = escaped(Array(directory.utf8))
            guard let status = try? Kernel.status(path: directory), status.type == .directory else {
                return Finding(
                    "owner", .fail, "\(shown) is missing, or cannot be looked at.",
                    "Make it, mode 0700, or run as the owner of the store; then run `snapstore fsck`.")
            }
            guard status.uid == Kernel.userID else {
                return Finding(
                    "owner", .warn, "\(shown) belongs to user \(status.uid), and this is user \(Kernel.userID).",
                    "Use a store as one user only, or files of several owners come into it.")
            }
            guard status.mode & 0o077 == 0 || directory != layout.root else {
                return Finding(
                    "owner", .warn, "\(shown) has mode 0\(String(status.mode, radix: 8)): others can look into it.",
                    "Run `chmod 700 \(shown)`: a store holds the private files of everything captured.")
            }
        }
        return Finding("owner", .ok, "\(shownPath) belongs to this user alone.")
    }

    private func fileSystem() -> Finding {
        guard let system = try? Kernel.fileSystem(of: Kernel.open(layout.root, [.readOnly, .directory])) else {
            return Finding("file system", .fail, "\(shownPath) cannot be opened.", "Run as the owner of the store.")
        }
        if system.isNetwork {
            return Finding(
                "file system", .warn, "\(shownPath) is on \(system.name), a network file system.",
                "Keep the store on a local disk: locks between machines and syncs cannot be relied on.")
        }
        if system.isMemory {
            return Finding(
                "file system", .warn, "\(shownPath) is on \(system.name): it is gone when the machine stops.",
                "Keep the store on a disk, unless it is for a test.")
        }
        return Finding("file system", .ok, "\(shownPath) is on \(system.name).")
    }

    private func freeSpace() -> Finding {
        guard let system = try? Kernel.fileSystem(of: Kernel.open(layout.root, [.readOnly, .directory])) else {
            return Finding("free space", .fail, "It cannot be told.", "Run as the owner of the store.")
        }
        let free = "\(system.availableBytes >> 20) MiB of \(system.totalBytes >> 20) MiB are free"
        let files = system.availableNodes ?? .max
        let level: Level =
            system.availableBytes < 64 << 20 || files < 100
            ? .fail : system.availableBytes < 1 << 30 || files < 10_000 ? .warn : .ok
        guard level != .ok else { return Finding("free space", .ok, free + ".") }
        return Finding(
            "free space", level, free + (system.availableNodes.map { ", and room for \($0) files." } ?? "."),
            "Free space there: `snapstore gc --grace 0` frees what no snapshot holds.")
    }
}

// MARK: The store

extension Doctor {
    private func writerLock() -> Finding {
        for name in ["catalog.turnstile", "catalog.lock"] {
            let path = layout.root + "/" + name
            // Read in the meantime: once it is free nobody holds it.
            let holders = LockHolders.flockers(of: path)
            do throws(IOError) {
                let lock = try FileLock(path: path)
                try lock.lock(deadlineSeconds: Self.lockSeconds)
                lock.unlock()
            } catch {
                guard error.isTimeout else {
                    return Finding("locks", .fail, error.description, "Run as the owner of the store.")
                }
                return Finding(
                    "locks", .fail, "\(name) is held for over \(Int(Self.lockSeconds)) s by \(Self.names(holders)).",
                    "Wait for it, or end it: everything that writes to the store waits for it.")
            }
        }
        return Finding("locks", .ok, "No writer is in the way.")
    }

    private static func names(_ holders: [LockHolders.Holder]) -> String {
        guard !holders.isEmpty else { return "a process that cannot be told" }
        return holders.map { "\(escaped($0.command)) (process \($0.process))" }.joined(separator: ", ")
    }

    private func catalogue(_ health: StoreHealth) -> Finding {
        guard health.journalMode == "wal", health.synchronous == 2, health.autocheckpoint == 0 else {
            return Finding(
                "catalogue", .fail,
                "SQLite runs with journal_mode=\(health.journalMode), synchronous=\(health.synchronous), "
                    + "wal_autocheckpoint=\(health.autocheckpoint): commits may be lost.",
                "Report this mistake; it should be wal, 2 and 0.")
        }
        let log = "its log has \(health.logBytes >> 20) MiB"
        guard health.logBytes < 64 << 20 else {
            return Finding(
                "catalogue", .warn, "The catalogue opens, but \(log).",
                "A reader that does not end keeps it from shrinking: see the check `sessions`.")
        }
        return Finding("catalogue", .ok, "It opens, every commit is synced, \(log).")
    }

    private func objects(_ health: StoreHealth) -> Finding {
        guard health.badObjects > 0 else { return Finding("objects", .ok, "None is known to be damaged.") }
        return Finding(
            "objects", .fail, "\(health.badObjects) are known to be damaged.",
            "Run `snapstore fsck`: it names the snapshots, and what heals them.")
    }

    private static func article(_ noun: String) -> String { noun.first.map("aeiou".contains) == true ? "an" : "a" }

    private func sessions(_ health: StoreHealth) -> Finding {
        let old = health.sessions.filter { now - $0.startedMilliseconds > 24 * Self.hour }
        guard let oldest = old.min(by: { $0.startedMilliseconds < $1.startedMilliseconds }) else {
            return Finding("sessions", .ok, "\(health.sessions.count) open, none older than a day.")
        }
        let hours = (now - oldest.startedMilliseconds) / Self.hour
        return Finding(
            "sessions", .warn,
            "\(old.count) open for over a day; the oldest, \(Self.article(oldest.kind)) \(oldest.kind), for \(hours) h, held by "
                + "\(Self.names(LockHolders.openers(of: oldest.file))).",
            "End it if it hangs: nothing that was let go since it began can be freed.")
    }

    private func clock(_ health: StoreHealth) -> Finding {
        guard let offset = health.clockOffsetNanoseconds else {
            return Finding("clock", .ok, "The ledger has no entry yet.")
        }
        let seconds = offset / 1_000_000_000
        if health.hasClockStep || seconds.magnitude > 60 {
            return Finding(
                "clock", .warn,
                "Wall time was moved by over 60 s and the ledger did not follow; it is now \(seconds.magnitude) s "
                    + (seconds < 0 ? "behind it." : "ahead of it."),
                "Set the clock right (`timedatectl`); times of the ledger stay in order either way.")
        }
        if health.hasClockGap {
            return Finding(
                "clock", .warn, "More than a day passed between two starts of the machine.",
                "Nothing, if it was off; otherwise look whether its clock was right.")
        }
        return Finding("clock", .ok, "Wall time and ledger time agree.")
    }

    private func backup(_ health: StoreHealth) -> Finding {
        let advice = "Run `snapstore gc`, daily: it makes one when the last is older than a day."
        guard let last = health.lastBackupMilliseconds else {
            guard now - health.createdMilliseconds > 48 * Self.hour else {
                return Finding("backup", .ok, "The store is too young to have one of its catalogue.")
            }
            return Finding("backup", .warn, "There is none of the catalogue.", advice)
        }
        let hours = (now - last) / Self.hour
        guard hours <= 48 else {
            return Finding("backup", .warn, "The last of the catalogue is \(hours) h old.", advice)
        }
        return Finding("backup", .ok, "The last of the catalogue is \(max(0, hours)) h old.")
    }
}
