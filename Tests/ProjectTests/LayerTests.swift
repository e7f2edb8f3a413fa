import SnapIO
import TestSupport
import Testing

/// The project's own rules, held by tests.
@Suite struct LayerTests {
    /// The checkout: these tests lie two directories below it.
    private static let root = String(#filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined())

    private static func text(_ path: String) throws -> String {
        String(decoding: try Kernel.readFile(root + "/" + path, limit: 4 << 20), as: UTF8.self)
    }

    /// Rows of the layer table in docs/architecture.md: a target and the targets of ours that it may import.
    private static func table() throws -> [String: Set<String>] {
        var rows: [String: Set<String>] = [:]
        for line in try text("docs/architecture.md").split(separator: "\n") where line.hasPrefix("| `") {
            let cells = line.split(separator: "|").map { $0.filter { $0 != "`" && $0 != " " } }
            guard cells.count >= 2 else { continue }
            rows[cells[0]] = Set(cells[1].split(separator: ",").map(String.init)).subtracting(["–"])
        }
        return rows
    }

    private static func sources(_ directory: String) throws -> [String] {
        try Command.run("/usr/bin/find", [root + "/" + directory, "-name", "*.swift"]).output
            .split(separator: "\n").map(String.init)
    }

    @Test func importsFollowTheLayerTable() throws {
        let table = try Self.table()
        #expect(table.count >= 10, "docs/architecture.md has lost its layer table")
        let ours = Set(table.keys)
        for (target, allowed) in table where target != "Tests" {
            for file in try Self.sources("Sources/" + target) {
                let text = String(decoding: try Kernel.readFile(file, limit: 4 << 20), as: UTF8.self)
                for line in text.split(separator: "\n") {
                    let words = line.split(separator: " ")
                    guard let index = words.firstIndex(of: "import"), index <= 1, words.count > index + 1 else {
                        continue
                    }
                    let module = String(words[index + 1])
                    guard ours.contains(module) else { continue }
                    #expect(allowed.contains(module), "\(file) imports \(module)")
                }
            }
        }
    }

    @Test func everyTargetIsInTheTable() throws {
        let table = try Self.table()
        let directories = try Kernel.names(inDirectory: Self.root + "/Sources").map {
            String(decoding: $0, as: UTF8.self)
        }
        #expect(Set(directories) == Set(table.keys))
    }

    @Test func sourcesPassTheLinter() throws {
        let swift = try Command.run(
            "/usr/bin/env",
            [
                "swift", "format", "lint", "--strict", "--recursive", Self.root + "/Sources", Self.root + "/Tests",
                Self.root + "/Package.swift",
            ])
        #expect(swift.status == 0, "\(swift.errors.prefix(4000))")
    }

    /// A trap is a denial of service.
    @Test(arguments: ["try!", " as! ", "fatalError(", "-Ounchecked"])
    func nothingTrapsByDesign(_ pattern: String) throws {
        for file in try Self.sources("Sources") {
            let text = String(decoding: try Kernel.readFile(file, limit: 4 << 20), as: UTF8.self)
            #expect(!text.contains(pattern), "\(file) contains \(pattern)")
        }
    }
}
