public import SnapDigest

/// What a snapshot is: its tree, and what runs in it (`docs/format.md` section 7). Its digest names the snapshot.
public struct Manifest: Hashable, Sendable {
    public enum Kind: String, Sendable, CaseIterable {
        /// A root file system with its configuration.
        case filesystem
        /// Any tree.
        case directory
        /// One of these with an engine's opaque state.
        case checkpoint
    }

    /// How a process is to be started in a root. Values are bytes, as environments are.
    public struct Config: Hashable, Sendable {
        public struct Variable: Hashable, Sendable {
            public let name: [UInt8]
            public let value: [UInt8]

            public init(name: [UInt8], value: [UInt8]) {
                self.name = name
                self.value = value
            }
        }

        public var entrypoint: [[UInt8]] = []
        /// In order; a later one wins.
        public var environment: [Variable] = []
        public var user: [UInt8]?
        public var workingDirectory: [UInt8]?

        public init() {}

        public var isEmpty: Bool { self == Config() }
    }

    public struct Platform: Hashable, Sendable {
        /// As the Go language names it: `amd64`, `arm64` …
        public var architecture: String
        public var os: String

        public init(architecture: String, os: String) {
            self.architecture = architecture
            self.os = os
        }
    }

    /// An engine's state of running processes; never interpreted.
    public struct Checkpoint: Hashable, Sendable {
        /// The manifest of the snapshot it belongs to.
        public var base: Digest?
        public var cpu: String?
        public var engine: String?
        public var kernel: String?
        /// Top tree node of a directory of regular files.
        public var payload: Digest
        public var version: String?

        public init(payload: Digest) {
            self.payload = payload
        }
    }

    /// The table of hard links, as a chunk list.
    public struct Links: Hashable, Sendable {
        /// Bytes of the table.
        public var length: UInt64
        public var list: Digest

        package init(length: UInt64, list: Digest) {
            self.length = length
            self.list = list
        }
    }

    public var kind: Kind
    public var root: Digest
    public var config = Config()
    public var platform: Platform?
    public var links: Links?
    public var checkpoint: Checkpoint?

    package init(kind: Kind, root: Digest) {
        self.kind = kind
        self.root = root
    }
}

// MARK: Coding

extension Manifest {
    /// - Throws: ``FormatError/Code/limit`` over 1 MiB, ``FormatError/Code/range`` for fields that do not go together.
    package func encode() throws(FormatError) -> [UInt8] {
        guard isConsistent else { throw FormatError(.range, "The manifest's kind does not go with its other fields.") }
        let bytes = try CanonicalJSON.members([
            ("checkpoint", checkpoint?.json), ("config", config.isEmpty ? nil : config.json),
            ("format", .integer(1)), ("kind", .text(kind.rawValue)), ("links", links?.json),
            ("platform", platform?.json), ("root", .text(root.description)),
        ]).encode()
        guard bytes.count <= Limits.manifestBytesMax else {
            throw FormatError(.limit, "The manifest takes \(bytes.count) bytes, over 1 MiB: shorten its configuration.")
        }
        return bytes
    }

    package static func decode(_ bytes: [UInt8]) throws(FormatError) -> Manifest {
        guard bytes.count <= Limits.manifestBytesMax else {
            throw FormatError(.limit, "A manifest of \(bytes.count) bytes is over the limit.")
        }
        var fields = try JSONFields(CanonicalJSON.decode(bytes, "manifest"), "manifest")
        guard try fields.integer("format") == 1 else { throw fields.error("format", "is not 1") }
        guard let kind = Kind(rawValue: try fields.text("kind")) else { throw fields.error("kind", "is unknown") }
        var manifest = Manifest(kind: kind, root: try fields.digest("root"))
        if let value = fields.take("config") { manifest.config = try Config(value) }
        if let value = fields.take("platform") { manifest.platform = try Platform(value) }
        if let value = fields.take("links") { manifest.links = try Links(value) }
        if let value = fields.take("checkpoint") { manifest.checkpoint = try Checkpoint(value) }
        try fields.end()
        guard manifest.isConsistent else { throw fields.error("kind", "does not go with the other fields") }
        return manifest
    }

    private var isConsistent: Bool {
        (checkpoint != nil) == (kind == .checkpoint) && (kind != .directory || platform == nil)
    }
}

extension Manifest.Config {
    var json: CanonicalJSON {
        .members([
            ("entrypoint", entrypoint.isEmpty ? nil : .array(entrypoint.map { .string($0) })),
            (
                "env",
                environment.isEmpty
                    ? nil : .array(environment.map { .array([.string($0.name), .string($0.value)]) })
            ),
            ("user", user.map { .string($0) }), ("workdir", workingDirectory.map { .string($0) }),
        ])
    }

    init(_ json: CanonicalJSON) throws(FormatError) {
        self.init()
        var fields = try JSONFields(json, "config")
        if let value = fields.take("entrypoint") { entrypoint = try fields.strings(value, "entrypoint") }
        if let value = fields.take("env") {
            guard case .array(let pairs) = value, !pairs.isEmpty else { throw fields.error("env", "is no list") }
            for pair in pairs {
                let both = try fields.strings(pair, "env")
                guard both.count == 2 else { throw fields.error("env", "has something other than a pair") }
                environment.append(Variable(name: both[0], value: both[1]))
            }
        }
        user = try fields.optionalString("user")
        workingDirectory = try fields.optionalString("workdir")
        try fields.end()
        guard !isEmpty else { throw fields.error("config", "is empty and should be left out") }
    }
}

extension Manifest.Platform {
    var json: CanonicalJSON { .members([("architecture", .text(architecture)), ("os", .text(os))]) }

    init(_ json: CanonicalJSON) throws(FormatError) {
        var fields = try JSONFields(json, "platform")
        self.init(architecture: try fields.text("architecture"), os: try fields.text("os"))
        try fields.end()
    }
}

extension Manifest.Links {
    var json: CanonicalJSON { .members([("length", .integer(length)), ("list", .text(list.description))]) }

    init(_ json: CanonicalJSON) throws(FormatError) {
        var fields = try JSONFields(json, "links")
        self.init(length: try fields.integer("length"), list: try fields.digest("list"))
        try fields.end()
    }
}

extension Manifest.Checkpoint {
    var json: CanonicalJSON {
        .members([
            ("base", base.map { .text($0.description) }), ("cpu", cpu.map { .text($0) }),
            ("engine", engine.map { .text($0) }), ("kernel", kernel.map { .text($0) }),
            ("payload", .text(payload.description)), ("version", version.map { .text($0) }),
        ])
    }

    init(_ json: CanonicalJSON) throws(FormatError) {
        var fields = try JSONFields(json, "checkpoint")
        self.init(payload: try fields.digest("payload"))
        if fields.has("base") { base = try fields.digest("base") }
        cpu = try fields.optionalText("cpu")
        engine = try fields.optionalText("engine")
        kernel = try fields.optionalText("kernel")
        version = try fields.optionalText("version")
        try fields.end()
    }
}
