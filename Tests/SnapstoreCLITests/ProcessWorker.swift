import Glibc
import SnapIO
import TestSupport

/// One of several that run commands of the real program on one store, one after another, and judge each answer.
struct ProcessWorker {
    enum Role: CaseIterable {
        case creator, otherCreator, restorer, lister, collector, checker, deleter, importer
    }

    let role: Role
    let bench: CommandBench
    let model: ProcessModel
    let proof: Proof
    private var generator: SeededGenerator
    private var serial = 0
    private let home: String

    init(_ role: Role, _ bench: CommandBench, _ model: ProcessModel, _ proof: Proof, seed: UInt64) throws {
        (self.role, self.bench, self.model, self.proof) = (role, bench, model, proof)
        generator = SeededGenerator(seed: seed)
        home = bench.directory.file("\(role)")
        try Kernel.makeParentDirectories(of: home + "/tree/sub/x")
    }

    mutating func run(_ count: Int) throws {
        for _ in 0..<count {
            serial += 1
            switch role {
            case .creator, .otherCreator: try create()
            case .restorer: try restore()
            case .lister: try list()
            case .collector:
                try command(["gc", "--grace", "0"] + (Bool.random(using: &generator) ? [] : ["--dry-run"]))
            case .checker: try check()
            case .deleter: try delete()
            case .importer: try exportAndImport()
            }
        }
    }

    private func check(_ condition: Bool, _ what: @autoclosure () -> String) {
        proof.check(condition, "\(role) \(serial): \(what())")
    }

    /// Runs a command that must end with one of some codes.
    @discardableResult
    private func command(_ arguments: [String], exits: [Int32] = [0]) throws -> Command {
        proof.note("processes")
        let run = try bench.binary.run(arguments)
        check(
            exits.contains(run.status), "\(arguments) ended with \(run.status): \(run.output.suffix(500)) \(run.errors)"
        )
        return run
    }

    /// A check beside all others finds nothing wrong; at worst it says that the counts change too fast.
    private mutating func check() throws {
        let run = try command(
            ["fsck", "--json"] + (Bool.random(using: &generator) ? [] : ["--read-data"]), exits: [0, 8])
        for line in try JSONText.lines(run.output) where line["type"] as? String == "item" {
            check(line["code"] as? String == "busy", "\(line["message"] ?? line)")
        }
    }

    // MARK: Making

    /// Changes some files of its tree, and captures it.
    private mutating func create() throws {
        let tree = home + "/tree"
        for _ in 0..<Int.random(in: 0...3, using: &generator) {
            let file = tree + (Bool.random(using: &generator) ? "/sub/" : "/") + "f\(generator.next() % 12)"
            unlink(file)
            switch Int.random(in: 0..<6, using: &generator) {
            case 0: break
            case 1: symlink("f\(generator.next() % 12)", file)
            case 2: try file.write(generator.bytes(Int.random(in: 0..<400_000, using: &generator)))
            // What the other creator has, too.
            default: try file.write(SeededGenerator.shared(generator.next() % 16))
            }
        }
        let reference = "\(role):\(serial)".lowercased()
        model.begin(reference, try SeenTree(tree))
        let run = try command(["create", tree, reference, "--json"])
        let digest = try JSONText.lines(run.output).last?["digest"] as? String
        check(digest != nil, "no digest of \(reference)")
        if serial.isMultiple(of: 4) {
            // A tag that must not exist, and does: nobody deletes it before it is said to be made.
            try "\(tree)/late".write(generator.bytes(500))
            try command(["create", tree, reference, "--if-match", "none"], exits: [6])
        }
        model.made(reference, digest: digest)
    }

    private mutating func exportAndImport() throws {
        guard let (reference, snapshot) = model.pick(&generator) else {
            try command(["stats"])
            return
        }
        let stream = home + "/stream"
        unlink(stream)
        let run = try command(["export", reference, stream, "-q"], exits: [0, 4])
        guard isDone(run, reference) else { return }
        let copy = "copy:\(serial)"
        model.begin(copy, snapshot.tree)
        let imported = try command(["import", stream, copy, "--json"])
        let digest = try JSONText.lines(imported.output).last?["digest"] as? String
        check(digest == snapshot.digest, "\(copy) of \(reference) is \(digest ?? "nothing")")
        model.made(copy, digest: digest)
    }

    // MARK: Reading

    /// A command that read a snapshot may fail only when that is deleted.
    private func isDone(_ run: Command, _ reference: String) -> Bool {
        if run.status == 0 { return true }
        check(model.state(of: reference) != .there, "\(reference) is there, and was not found: \(run.errors)")
        return false
    }

    private mutating func restore() throws {
        guard let (reference, snapshot) = model.pick(&generator) else {
            try command(["doctor"], exits: [0, 3])
            return
        }
        let out = home + "/out"
        TemporaryDirectory.removeAll(out)
        let run = try command(["restore", reference, out, "-q"], exits: [0, 4])
        guard isDone(run, reference) else { return }
        check(try SeenTree(out) == snapshot.tree, "\(reference) was restored otherwise than it was captured")
    }

    private func list() throws {
        let before = model.now
        let run = try command(["list", "--json"])
        let listed = try Self.listed(run)
        for problem in model.problems(listed: listed, before: before) { check(false, problem) }
    }

    /// The digest of each reference in a list.
    static func listed(_ run: Command) throws -> [String: String] {
        var listed: [String: String] = [:]
        for line in try JSONText.lines(run.output) where line["type"] as? String == "item" {
            for tag in line["tags"] as? [String] ?? [] {
                listed["\(line["name"] as? String ?? ""):\(tag)"] = line["digest"] as? String
            }
        }
        return listed
    }

    // MARK: Deleting

    private mutating func delete() throws {
        guard model.now.values.count(where: { $0.state == .there }) > 6,
            let (reference, _) = model.pick(&generator, going: true)
        else {
            try command(["stats"])
            return
        }
        let isPurge = Int.random(in: 0..<4, using: &generator) == 0
        try command(["delete", reference] + (isPurge ? ["--purge"] : []))
        model.mark(reference, .gone)
        guard !isPurge, Bool.random(using: &generator) else { return }
        // Back, or not at all when a collection was faster.
        model.mark(reference, .going)
        let run = try command(["undelete", reference], exits: [0, 4, 6, 8])
        model.mark(reference, run.status == 0 ? .there : .gone, mayGo: false)
    }
}

extension SeededGenerator {
    /// Bytes that are the same for the same number.
    fileprivate static func shared(_ number: UInt64) -> [UInt8] {
        var generator = SeededGenerator(seed: number)
        return generator.bytes(Int(2_000 * (number + 1)))
    }
}
