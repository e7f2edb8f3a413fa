import ArgumentParser
import SnapCore
import SnapModel
import SnapTrees
import Snapstore

struct Find: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Look for files in a snapshot.",
        discussion: """
            Examples:
              snapstore find tools:1 --name 'os-*'
              snapstore find tools:1 usr --type f --size +100k
              snapstore find tools:1 --newer 7d --type f,l
              snapstore find tools:1 etc -0 | xargs -0 -n1 echo

            All conditions must be met; of several names, one. A time is 2026-11-24, "2026-11-24 12:00:00" (UTC), \
            @SECONDS, or how long ago: 30m, 24h, 7d.
            """)

    @OptionGroup var global: GlobalOptions
    @Argument(help: "The snapshot.", completion: .snapshot) var reference: String
    @Argument(help: "Where to begin.") var path: ByteArgument?
    @Option(help: ArgumentHelp("Names that match: *, ?, […].", valueName: "pattern")) var name: [ByteArgument] = []
    @Option(help: ArgumentHelp("Of these types: f, d, l, c, b, p, s.", valueName: "letters")) var type: String?
    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp("Files of more (+), less (-) or so many bytes, or k, M, G, T.", valueName: "[+-]n"))
    var size: [SizeBound] = []
    @Option(help: ArgumentHelp("Changed after this.", valueName: "time")) var newer: Moment?
    @Option(help: ArgumentHelp("Changed before this.", valueName: "time")) var older: Moment?
    @Flag(name: [.customShort("0"), .long], help: "End each path with a NUL, and write its bytes as they are.")
    var null = false

    func run() throws {
        let output = Output(global)
        output.status("find")
        let criteria = try criteria()
        var count: Int64 = 0
        var bytes: UInt64 = 0
        try global.look(into: reference, at: path) { look in
            try TreeWalk(load: look.tree.load).run(look.entry, path: look.path) { path, entry in
                try look.progress.check()
                guard criteria.match(entry) else { return }
                count += 1
                if case .file(let content) = entry.node { bytes = bytes.addingSaturated(content.length) }
                try show(path.isEmpty ? [46] : path, entry, output)
            }
        }
        try output.summary("", [("count", .integer(count)), ("bytes", .integer(Int64(clamping: bytes)))])
    }

    private func show(_ path: [UInt8], _ entry: Entry, _ output: Output) throws {
        if null, !output.isJSON { return try TextStream.output.put(path + [0]) }
        try output.item(escaped(path), [("path", .text(escaped(path)))] + entry.fields)
    }

    private func criteria() throws -> FindCriteria {
        var criteria = FindCriteria()
        for pattern in name {
            guard let glob = Glob(pattern.bytes[...]) else {
                throw StoreError(
                    .invalid, "`\(pattern.shown)` is no pattern: a [ has no ], or a \\ has nothing after it.")
            }
            criteria.names.append(glob)
        }
        for word in (type ?? "").split(separator: ",") {
            guard let letter = word.first, word.count == 1, FindCriteria.typeLetters.contains(letter) else {
                throw StoreError(
                    .invalid, "`\(escaped(Array(word.utf8)))` is no type of file.",
                    hint: "f file, d directory, l link, c and b devices, p FIFO, s socket; several: f,l.")
            }
            criteria.types.insert(letter)
        }
        criteria.sizes = size.map(\.size)
        criteria.newerThan = newer?.timestamp
        criteria.olderThan = older?.timestamp
        return criteria
    }
}

extension Find: TakesBytes {
    var byteArguments: [ByteArgument] { name + (path.map { [$0] } ?? []) }
}
