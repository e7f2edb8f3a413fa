import Glibc
import SnapIO
import TestSupport
import Testing

/// Pushes and pulls over a connection that is cut anywhere.
@Suite(.serialized) struct CutTransferTests {
    /// A proxy before a server, and a client's store with a snapshot that changes.
    private final class Bench {
        let bench: CommandBench
        let server: ServerBench
        let environment: [String: String]
        private let proxy: ChildProcess
        private let control: Int

        init() throws {
            bench = try CommandBench()
            server = try ServerBench()
            let directory = String(#filePath.split(separator: "/").dropLast().map { "/" + $0 }.joined())
            let port = String(server.url.split(separator: ":").last ?? "")
            proxy = try ChildProcess("/usr/bin/python3", [directory + "/cut_proxy.py", port])
            var ports: [Int] = []
            for _ in 0..<400 where ports.count < 2 {
                Kernel.sleep(milliseconds: 25)
                ports = try proxy.printed().output.split(whereSeparator: \.isWhitespace).compactMap { Int($0) }
            }
            let printed = try proxy.printed()
            try #require(ports.count == 2, "\(printed)")
            control = ports[1]
            environment = ["SNAPSTORE_REMOTE": "http://127.0.0.1:\(ports[0])", "SNAPSTORE_TOKEN": server.token]
        }

        deinit {
            proxy.send(SIGKILL)
            _ = try? proxy.wait()
        }

        @discardableResult
        func tell(_ line: String) throws -> String {
            try bench.done("exec 3<>/dev/tcp/127.0.0.1/\(control); echo '\(line)' >&3; cat <&3")
        }

        var cuts: Int { get throws { Int(try tell("count").dropLast()) ?? -1 } }

        func run(_ command: String) throws -> Command {
            try bench.shell("snapstore \(command)", environment: environment)
        }
    }

    @Test func aPushGoesOnWhereItWasCut() throws {
        let seed = TestScale.seed("cut pushes")
        var generator = SeededGenerator(seed: seed)
        let proof = Proof("P9", seed: seed)
        let bench = try Bench()
        var count = 0
        while proof.tried < 100 * TestScale.factor, count < 200 * TestScale.factor {
            count += 1
            let bytes = Int.random(in: 100...60_000, using: &generator)
            try bench.bench.write("root/changing", generator.bytes(bytes))
            try bench.bench.done("snapstore create root p:\(count) -q")
            let digest = try bench.bench.digest("p:\(count)")
            let way = generator.next() % 3 == 0 ? "down" : "up"
            try bench.tell("\(way) \(Int.random(in: 1...(way == "up" ? bytes + 1000 : 1500), using: &generator))")
            let before = try bench.cuts
            let place = "push \(count), \(way), seed \(seed)"
            let run = try bench.run("push p:\(count) --json")
            proof.check(run.status == 0, "exit \(run.status) at \(place): \(run.output)\(run.errors)")
            let summary = try JSONText.lines(run.output).last
            proof.check(summary?["digest"] as? String == digest, "another digest at \(place)")
            // The first one sends all, the others what is new, once more at most.
            let sent = summary?["sentBytes"] as? Int ?? .max
            proof.check(count == 1 || sent < 2 * bytes + 20_000, "\(sent) bytes sent at \(place)")
            // Some end before they come to it.
            if try bench.cuts > before { proof.note("cut while bytes went \(way)") }
        }
        // Each is there once, as it was sent; what was billed is what is held.
        for number in [1, count / 2, count] {
            let digest = try bench.bench.digest("p:\(number)")
            let run = try bench.run("pull acme/p:\(number) --json --store pulled\(number)")
            let found = try JSONText.lines(run.output).last?["digest"] as? String
            proof.check(found == digest, "p:\(number) comes back as \(found ?? run.errors)")
        }
        let stats = try JSONText.lines(bench.server.binary.run("stats", "--json").output).last
        proof.check(
            stats?["snapshots"] as? Int == count, "there are \(stats?["snapshots"] ?? 0) snapshots, not \(count)")
        try bench.server.stop()
        try bench.server.expectSound("after cut pushes")
        let lost = proof.report("cuts of pushes")
        #expect(lost.isEmpty, "\(lost.prefix(5))")
        #expect(proof.tried == 100 * TestScale.factor)
    }

    @Test func aPullThatWasCutNeverLooksComplete() throws {
        let seed = TestScale.seed("cut pulls")
        var generator = SeededGenerator(seed: seed)
        let proof = Proof("P10", seed: seed)
        let bench = try Bench()
        try bench.bench.write("root/more", generator.bytes(400_000))
        try bench.bench.done("snapstore create root p:1 -q")
        #expect(try bench.run("push p:1 -q").status == 0)
        let digest = try bench.bench.digest("p:1")
        for number in 1...(50 * TestScale.factor) {
            let place = "pull \(number), seed \(seed)"
            try bench.bench.done("rm -rf into out")
            // Killed, or cut on the way.
            switch number % 3 {
            case 0:
                let seconds = Double(Int.random(in: 1...80, using: &generator)) / 1000
                let run = try bench.run(
                    "pull acme/p:1 -q --store into & sleep \(seconds); kill -9 $!; wait $!")
                proof.note(run.status == 0 ? "that ended before they were killed" : "killed")
            case 1:
                try bench.tell("down \(Int.random(in: 1...550_000, using: &generator))")
                let run = try bench.run("pull acme/p:1 -q --store into")
                proof.check(run.status == 0, "exit \(run.status) at \(place): \(run.errors)")
                proof.note("cut once")
            default:
                try bench.tell("up \(Int.random(in: 1...2000, using: &generator))")
                let run = try bench.run("pull acme/p:1 -q --store into --restore out")
                proof.check(run.status == 0, "exit \(run.status) at \(place): \(run.errors)")
                proof.note("cut once before a restore")
            }
            // What is there is whole; and the second time finishes it.
            let shown = try bench.bench.shell("snapstore get acme/p:1 --json --store into")
            if shown.status == 0 {
                let read = try bench.bench.shell("snapstore fsck --read-data --store into")
                proof.check(read.status == 0, "half of it is there after \(place): \(read.output)")
            }
            let again = try bench.run("pull acme/p:1 --json --store into")
            let found = try JSONText.lines(again.output).last?["digest"] as? String
            proof.check(found == digest, "\(found ?? again.errors) the second time, after \(place)")
            let restored = try bench.bench.shell(
                "rm -rf out; snapstore restore acme/p:1 out -q --store into && diff -r root out && snapstore fsck -q --store into"
            )
            proof.check(restored.status == 0, "not the same after \(place): \(restored.output)\(restored.errors)")
        }
        let lost = proof.report("cuts of pulls")
        #expect(lost.isEmpty, "\(lost.prefix(5))")
    }
}
