import Foundation
import SnapIO
import TestSupport
import Testing

/// A directory with a small tree in `root`, a store, and a shell that finds the program and the store.
final class CommandBench: Sendable {
    let directory = TemporaryDirectory(in: "/dev/shm")
    let binary: SnapstoreBinary

    var store: String { binary.store }
    var root: String { directory.file("root") }

    init() throws {
        binary = try SnapstoreBinary(store: directory.file("store"))
        var generator = SeededGenerator(seed: 11)
        try write("root/etc/motd", Array("hello\n".utf8))
        try write("root/etc/ssl/certificate", generator.bytes(2_000))
        try write("root/usr/bin/tool", generator.bytes(150_000))
    }

    func write(_ name: String, _ bytes: [UInt8]) throws {
        try Kernel.makeParentDirectories(of: directory.file(name))
        try directory.file(name).write(bytes)
    }

    /// Runs a line of shell in the directory; the program is on the path, the store in the environment.
    @discardableResult
    func shell(_ script: String, environment: [String: String] = [:]) throws -> Command {
        let products = String(binary.path.dropLast("snapstore".count))
        let variables = [
            "PATH": products + ":/usr/bin:/bin:/usr/sbin:/sbin", "SNAPSTORE_STORE": store, "LC_ALL": "C.UTF-8",
            // Whoever runs the tests may have a configuration.
            "XDG_CONFIG_HOME": directory.file("configuration"),
        ]
        return try Command.run(
            "/bin/bash", ["-c", "cd '\(directory.path)' || exit 99\n\(script)"],
            environment: variables.merging(environment) { $1 })
    }

    /// As ``shell(_:environment:)`` on a thread of its own: a wait for seconds keeps no other test from running.
    func shellApart(_ script: String) async throws -> Command {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread { continuation.resume(with: Result { try self.shell(script) }) }
        }
    }

    /// As ``shell(_:environment:)``, for a line that must succeed. Returns what it printed.
    @discardableResult
    func done(_ script: String, sourceLocation: SourceLocation = #_sourceLocation) throws -> String {
        let run = try shell(script)
        #expect(run.status == 0, "\(script): \(run.errors)", sourceLocation: sourceLocation)
        return run.output
    }

    /// The JSON lines that a command printed.
    func lines(_ script: String, sourceLocation: SourceLocation = #_sourceLocation) throws -> [[String: Any]] {
        try JSONText.lines(shell(script).output)
    }

    /// The last JSON line of a command that must succeed.
    func summary(_ script: String, sourceLocation: SourceLocation = #_sourceLocation) throws -> [String: Any] {
        let run = try shell(script)
        #expect(run.status == 0, "\(script): \(run.errors)", sourceLocation: sourceLocation)
        return try #require(JSONText.lines(run.output).last, sourceLocation: sourceLocation)
    }

    /// The digest that a reference means now.
    func digest(_ reference: String) throws -> String {
        try #require(summary("snapstore get \(reference) --json")["digest"] as? String)
    }

    /// The store is whole, and no session is open.
    func expectSound(_ place: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
        let check = try shell("snapstore fsck")
        #expect(check.status == 0, "\(place): \(check.output)\(check.errors)", sourceLocation: sourceLocation)
        let sessions = try summary("snapstore stats --json")["sessions"] as? Int
        #expect(sessions == 0, "\(place)", sourceLocation: sourceLocation)
    }
}

/// JSON lines, read by a parser that is not ours.
enum JSONText {
    static func lines(_ text: String) throws -> [[String: Any]] {
        try text.split(separator: "\n").map { line in
            let object = try JSONSerialization.jsonObject(with: Data(line.utf8))
            return try #require(object as? [String: Any], "no object: \(line)")
        }
    }
}

/// `docs/cli.md`, so that it cannot differ from the program.
enum Manual {
    private static let root = String(#filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined())

    static func text() throws -> String {
        String(decoding: try Kernel.readFile(root + "/docs/cli.md", limit: 1 << 20), as: UTF8.self)
    }

    /// The lines between a heading and the next of the same or a higher level.
    static func section(_ heading: String) throws -> [String] {
        let lines = try text().split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        guard let start = lines.firstIndex(of: heading) else { return [] }
        let level = heading.prefix { $0 == "#" }.count
        return Array(
            lines[(start + 1)...].prefix { line in
                let marks = line.prefix { $0 == "#" }.count
                return marks == 0 || marks > level
            })
    }

    /// The cells of the rows of a section's table, without its head; not those of sections below it.
    static func rows(_ heading: String) throws -> [[String]] {
        try section(heading).prefix { !$0.hasPrefix("#") }.filter { $0.hasPrefix("|") }.dropFirst(2).map { line in
            line.replacing("\\|", with: "\u{1}").split(separator: "|", omittingEmptySubsequences: false)
                .dropFirst().dropLast().map { $0.trimmingCharacters(in: .whitespaces).replacing("\u{1}", with: "|") }
        }
    }

    /// The words between backquotes.
    static func code(_ text: String) -> [String] {
        text.split(separator: "`", omittingEmptySubsequences: false).enumerated().filter { $0.offset % 2 == 1 }
            .map { String($0.element) }
    }

    /// The commands that the program has, as its help lists them; those of a group as `store backup`.
    static func commands(_ bench: CommandBench, of group: String = "") throws -> [String] {
        let help = try bench.done("snapstore \(group) --help").split(separator: "\n", omittingEmptySubsequences: false)
        guard let start = help.firstIndex(of: "SUBCOMMANDS:") else { return [group] }
        let names = help[(start + 1)...].prefix { $0.hasPrefix("  ") }
            .filter { !$0.hasPrefix("      ") }
            .map { String($0.split(whereSeparator: { $0 == " " || $0 == "," })[0]) }
        return try names.flatMap { try commands(bench, of: group.isEmpty ? $0 : "\(group) \($0)") }
    }
}
