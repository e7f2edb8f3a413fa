import ArgumentParser
import SnapCore
import SnapModel
import Snapstore

struct Ls: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List a directory of a snapshot.",
        discussion: """
            Examples:
              snapstore ls tools:1
              snapstore ls tools:1 etc/ssl
              snapstore ls                       the snapshots, as `snapstore list`
            """)

    @OptionGroup var global: GlobalOptions
    @Argument(help: "The snapshot.", completion: .snapshot) var reference: String?
    @Argument(help: "A path in it.") var path: ByteArgument?

    func run() throws {
        guard let reference else {
            var list = try List.parse([])
            list.global = global
            return try list.run()
        }
        let output = Output(global)
        output.status("ls")
        let store = try global.openStore()
        let snapshot = try global.resolve(reference, in: store)
        let tree = try SnapshotTree(snapshot, reader: try store.reader(org: GlobalOptions.org(of: reference)))
        let entry = try tree.entry(at: path?.bytes ?? [])
        var count: Int64 = 0
        if case .directory = entry.node {
            try tree.forEachEntry(of: entry) { child in
                count += 1
                try output.item(child.line, child.fields)
            }
        } else {
            count = 1
            try output.item(entry.line, entry.fields)
        }
        try output.summary("", [("count", .integer(count))])
    }
}

extension Ls: TakesBytes {
    var byteArguments: [ByteArgument] { path.map { [$0] } ?? [] }
}

extension Entry {
    /// As `ls -l` shows it.
    var line: String {
        let metadata = metadata
        let time = Format.time(seconds: metadata.modified.seconds)
        var name = escaped(name)
        if case .symbolicLink(let target) = node { name += " -> " + escaped(target) }
        let size = sizeText
        return "\(typeLetter)\(Self.permissions(metadata.mode)) \(metadata.uid):\(metadata.gid) "
            + String(repeating: " ", count: max(0, 10 - size.count)) + "\(size) \(time) \(name)"
    }

    private var sizeText: String {
        switch node {
        case .file(let content): String(content.length)
        case .characterDevice(let major, let minor), .blockDevice(let major, let minor): "\(major),\(minor)"
        default: "-"
        }
    }

    var typeLetter: String { findLetter == "f" ? "-" : String(findLetter) }

    private static func permissions(_ mode: UInt16) -> String {
        var text = ""
        for shift in [6, 3, 0] as [UInt16] {
            let bits = mode >> shift
            text += bits & 4 != 0 ? "r" : "-"
            text += bits & 2 != 0 ? "w" : "-"
            let special = mode & (0o1000 << (shift / 3)) != 0
            let letter = shift == 0 ? "t" : "s"
            text += special ? (bits & 1 != 0 ? letter : letter.uppercased()) : (bits & 1 != 0 ? "x" : "-")
        }
        return text
    }

    var fields: [(String, JSONLine.Value)] {
        var fields: [(String, JSONLine.Value)] = [
            ("name", .text(escaped(name))), ("kind", .text(kindText)),
            ("mode", .text(String(metadata.mode, radix: 8))), ("uid", .integer(Int64(metadata.uid))),
            ("gid", .integer(Int64(metadata.gid))), ("mtimeSeconds", .integer(metadata.modified.seconds)),
            ("mtimeNanoseconds", .integer(Int64(metadata.modified.nanoseconds))),
        ]
        switch node {
        case .file(let content): fields.append(("size", .integer(Int64(clamping: content.length))))
        case .symbolicLink(let target): fields.append(("target", .text(escaped(target))))
        default: break
        }
        return fields
    }

    var kindText: String {
        switch node {
        case .file: "file"
        case .directory: "directory"
        case .symbolicLink: "link"
        case .characterDevice: "character-device"
        case .blockDevice: "block-device"
        case .fifo: "fifo"
        case .socket: "socket"
        }
    }
}
