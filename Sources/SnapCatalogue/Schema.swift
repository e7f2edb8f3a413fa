internal import GRDB

/// The tables of the catalogue, as migrations that only ever grow.
///
/// Portable SQL but for `STRICT` and `WITHOUT ROWID`. Times named `…_ms` are milliseconds since 1970 UTC, stamps are
/// nanoseconds of ledger time, sizes are bytes.
enum Schema {
    /// The newest version this program reads; a catalogue with a higher one is refused.
    static let versions = ["1", "2", "3", "4"]

    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1") { db in
            try db.execute(sql: core)
            try db.execute(sql: snapshots)
            try db.execute(sql: jobs)
            try db.execute(sql: ledger)
        }
        // Foreign keys are not touched: checking them all would read the whole file.
        migrator.registerMigration("2", foreignKeyChecks: .immediate) { db in
            try db.execute(sql: lifeCycle)
        }
        migrator.registerMigration("3", foreignKeyChecks: .immediate) { db in
            try db.execute(sql: phases)
        }
        migrator.registerMigration("4", foreignKeyChecks: .immediate) { db in
            try db.execute(sql: service)
        }
        return migrator
    }

    /// The SQL that defines each table and index, as SQLite keeps it.
    static func definitions(in db: Database) throws -> [String: String] {
        let rows = try Row.fetchAll(db, sql: "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
        return Dictionary(try rows.map { (try $0.get("name"), try $0.get("sql")) }) { first, _ in first }
    }

    /// What ``definitions(in:)`` must be.
    static func definitions() throws -> [String: String] {
        let queue = try DatabaseQueue()
        try migrator.migrate(queue)
        return try queue.read { try definitions(in: $0) }
    }

    /// Who may read what, and where bytes are.
    ///
    /// `object` has no foreign key to `frame`: SQLite would scan all objects for each frame deleted, or need an index
    /// that doubles the table. The objects of a pack are found through its footer instead; `fsck` checks the relation.
    /// Numbers of frames are never given out twice: processes keep decoded frames, and places of uploads, by number.
    private static let core = """
        CREATE TABLE counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
        INSERT INTO counter VALUES ('sequence', 1);

        CREATE TABLE scope (
            id INTEGER PRIMARY KEY,
            name TEXT NOT NULL UNIQUE,
            held_bytes INTEGER NOT NULL DEFAULT 0,
            held_objects INTEGER NOT NULL DEFAULT 0
        ) STRICT;
        INSERT INTO scope (id, name) VALUES (1, 'public');

        CREATE TABLE org (
            id INTEGER PRIMARY KEY,
            name TEXT NOT NULL UNIQUE,
            scope INTEGER NOT NULL UNIQUE REFERENCES scope(id),
            created_ms INTEGER NOT NULL
        ) STRICT;

        CREATE TABLE session (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            uid TEXT NOT NULL UNIQUE,
            kind TEXT NOT NULL,
            scope INTEGER NOT NULL REFERENCES scope(id),
            start_sequence INTEGER NOT NULL,
            started_ms INTEGER NOT NULL
        ) STRICT;

        CREATE TABLE pack (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            uid BLOB NOT NULL UNIQUE,
            scope INTEGER NOT NULL REFERENCES scope(id),
            session INTEGER REFERENCES session(id),
            state INTEGER NOT NULL,
            stored_bytes INTEGER NOT NULL DEFAULT 0,
            raw_bytes INTEGER NOT NULL DEFAULT 0,
            live_objects INTEGER NOT NULL DEFAULT 0,
            live_bytes INTEGER NOT NULL DEFAULT 0
        ) STRICT;
        CREATE INDEX pack_session ON pack(session) WHERE session IS NOT NULL;
        CREATE INDEX pack_scope ON pack(scope, state);

        CREATE TABLE frame (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            pack INTEGER NOT NULL REFERENCES pack(id),
            number INTEGER NOT NULL,
            offset INTEGER NOT NULL,
            stored_bytes INTEGER NOT NULL,
            raw_bytes INTEGER NOT NULL,
            codec INTEGER NOT NULL,
            checksum BLOB NOT NULL,
            UNIQUE (pack, number)
        ) STRICT;

        CREATE TABLE object (
            scope INTEGER NOT NULL,
            kind INTEGER NOT NULL,
            digest BLOB NOT NULL,
            length INTEGER NOT NULL,
            refs INTEGER NOT NULL CHECK (refs >= 0),
            borrows INTEGER NOT NULL DEFAULT 0 CHECK (borrows >= 0),
            frame INTEGER,
            position INTEGER NOT NULL,
            condemned INTEGER,
            condemned_ms INTEGER,
            bad INTEGER NOT NULL DEFAULT 0,
            PRIMARY KEY (scope, kind, digest)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX object_condemned ON object(scope, condemned) WHERE condemned IS NOT NULL;
        CREATE INDEX object_bad ON object(scope) WHERE bad <> 0;

        CREATE TABLE upload (
            session INTEGER NOT NULL,
            kind INTEGER NOT NULL,
            digest BLOB NOT NULL,
            length INTEGER NOT NULL,
            frame INTEGER NOT NULL,
            position INTEGER NOT NULL,
            PRIMARY KEY (session, kind, digest)
        ) STRICT, WITHOUT ROWID;
        """

    /// What people see: snapshots, their tags and labels.
    private static let snapshots = """
        CREATE TABLE record (
            uid BLOB PRIMARY KEY,
            org INTEGER NOT NULL REFERENCES org(id),
            name TEXT NOT NULL,
            manifest BLOB NOT NULL,
            object BLOB NOT NULL,
            kind TEXT NOT NULL,
            visibility TEXT NOT NULL DEFAULT 'organization',
            parent BLOB,
            creator TEXT,
            created_ms INTEGER NOT NULL,
            logical_bytes INTEGER NOT NULL,
            unique_bytes INTEGER NOT NULL,
            new_bytes INTEGER NOT NULL,
            stored_bytes INTEGER NOT NULL,
            file_count INTEGER NOT NULL,
            chunk_count INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX record_name ON record(org, name, created_ms);
        CREATE INDEX record_manifest ON record(manifest);

        CREATE TABLE tag (
            org INTEGER NOT NULL REFERENCES org(id),
            name TEXT NOT NULL,
            tag TEXT NOT NULL,
            record BLOB NOT NULL REFERENCES record(uid),
            version INTEGER NOT NULL,
            PRIMARY KEY (org, name, tag)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX tag_record ON tag(record);

        CREATE TABLE label (
            record BLOB NOT NULL REFERENCES record(uid),
            key TEXT NOT NULL,
            value TEXT NOT NULL,
            PRIMARY KEY (record, key)
        ) STRICT, WITHOUT ROWID;
        """

    /// What becomes of snapshots: which are kept from being deleted, when others go by themselves, and what is
    /// remembered of those that went, with `tags` and `labels` as JSON.
    private static let lifeCycle = """
        ALTER TABLE record ADD COLUMN protected INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE record ADD COLUMN expires_ms INTEGER;
        CREATE INDEX record_expires ON record(expires_ms) WHERE expires_ms IS NOT NULL;

        CREATE TABLE deleted_record (
            uid BLOB PRIMARY KEY,
            org INTEGER NOT NULL REFERENCES org(id),
            name TEXT NOT NULL,
            manifest BLOB NOT NULL,
            object BLOB NOT NULL,
            kind TEXT NOT NULL,
            parent BLOB,
            creator TEXT,
            logical_bytes INTEGER NOT NULL,
            unique_bytes INTEGER NOT NULL,
            file_count INTEGER NOT NULL,
            chunk_count INTEGER NOT NULL,
            tags TEXT NOT NULL,
            labels TEXT NOT NULL,
            deleted_ms INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX deleted_record_time ON deleted_record(org, deleted_ms);
        """

    /// One queue of attach and detach jobs a scope, worked off in batches.
    private static let jobs = """
        CREATE TABLE job (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            scope INTEGER NOT NULL REFERENCES scope(id),
            kind INTEGER NOT NULL,
            state INTEGER NOT NULL,
            stamp INTEGER NOT NULL,
            session INTEGER,
            record BLOB NOT NULL,
            label TEXT NOT NULL,
            roots BLOB NOT NULL,
            next_root INTEGER NOT NULL DEFAULT 0,
            bytes INTEGER NOT NULL DEFAULT 0,
            draft TEXT,
            error_code TEXT,
            error_message TEXT
        ) STRICT;
        CREATE INDEX job_scope ON job(scope, id);

        CREATE TABLE frontier (
            job INTEGER NOT NULL REFERENCES job(id),
            side INTEGER NOT NULL,
            kind INTEGER NOT NULL,
            digest BLOB NOT NULL,
            next_child INTEGER NOT NULL DEFAULT 0,
            PRIMARY KEY (job, side, kind, digest)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE job_result (
            job INTEGER PRIMARY KEY,
            record BLOB NOT NULL,
            error_code TEXT,
            error_message TEXT,
            replaced BLOB,
            finished_ms INTEGER NOT NULL
        ) STRICT;
        """

    /// What a job is at: see ``JobPhase``. Of one that an older version has begun, all is counted on one walk.
    private static let phases = """
        ALTER TABLE job ADD COLUMN phase INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE job ADD COLUMN counted_chunk BLOB;
        """

    /// Who may do what over the network, and what was done. A token is known by its SHA-256 alone; `scopes` are words with
    /// spaces between. Numbers of events are never given out twice: a feed goes on behind the last one seen.
    private static let service = """
        CREATE TABLE token (
            uid TEXT PRIMARY KEY,
            digest BLOB NOT NULL UNIQUE,
            org INTEGER NOT NULL REFERENCES org(id),
            subject TEXT NOT NULL,
            scopes TEXT NOT NULL,
            created_ms INTEGER NOT NULL,
            expires_ms INTEGER,
            revoked_ms INTEGER
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX token_org ON token(org, created_ms);

        CREATE TABLE event (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            time_ms INTEGER NOT NULL,
            org INTEGER NOT NULL REFERENCES org(id),
            subject TEXT NOT NULL,
            action TEXT NOT NULL,
            target TEXT NOT NULL,
            result TEXT NOT NULL,
            request TEXT
        ) STRICT;
        CREATE INDEX event_org ON event(org, id);
        """

    /// What is billed: append-only, one hash chain an organisation.
    private static let ledger = """
        CREATE TABLE ledger (
            org INTEGER NOT NULL REFERENCES org(id),
            number INTEGER NOT NULL,
            stamp INTEGER NOT NULL,
            bytes INTEGER NOT NULL,
            record BLOB NOT NULL,
            cause TEXT NOT NULL,
            chain BLOB NOT NULL,
            PRIMARY KEY (org, number)
        ) STRICT, WITHOUT ROWID;
        CREATE TRIGGER ledger_keep BEFORE UPDATE ON ledger BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
        CREATE TRIGGER ledger_hold BEFORE DELETE ON ledger BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;

        CREATE TABLE ledger_clock (
            id INTEGER PRIMARY KEY CHECK (id = 1),
            boot_id TEXT NOT NULL,
            boot_nanoseconds INTEGER NOT NULL,
            ledger_nanoseconds INTEGER NOT NULL,
            flagged INTEGER NOT NULL DEFAULT 0
        ) STRICT;
        """
}
