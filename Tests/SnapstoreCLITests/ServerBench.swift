import Foundation
import Glibc
import SnapIO
import SnapModel
import TestSupport
import Testing

/// A server on a store of its own, the organisation `acme`, and a token of it: a process that ends with this value.
final class ServerBench {
    let binary: SnapstoreBinary
    let url: String
    let token: String
    private let process: ChildProcess
    private let directory = TemporaryDirectory(in: "/dev/shm")
    private var isStopped = false

    static let allScopes = AccessScope.all.filter { $0 != " " }

    init(scopes: String = "read:snapshots,write:snapshots,delete:snapshots", options: [String] = []) throws {
        binary = try SnapstoreBinary(store: directory.file("served"))
        try binary.run("org", "create", "acme", "-q")
        token = try Self.token(binary, org: "acme", scopes)
        process = try ChildProcess(
            binary.path, ["serve", "--listen", "127.0.0.1:0", "--json", "--store", binary.store] + options)
        url = try Self.url(of: process)
    }

    deinit { if !isStopped { _ = try? stop() } }

    /// Asks it to end, and waits.
    @discardableResult
    func stop() throws -> Command {
        isStopped = true
        process.send(SIGTERM)
        return try process.wait()
    }

    func token(org: String, _ scopes: String) throws -> String { try Self.token(binary, org: org, scopes) }

    /// For commands that speak to it.
    var environment: [String: String] { environment(token: token) }
    func environment(token: String) -> [String: String] { ["SNAPSTORE_REMOTE": url, "SNAPSTORE_TOKEN": token] }

    private static func token(_ binary: SnapstoreBinary, org: String, _ scopes: String) throws -> String {
        let made = try binary.run("token", "create", "--org", org, "--scope", scopes, "-q")
        return String(made.output.dropLast())
    }

    private static func url(of process: ChildProcess) throws -> String {
        for _ in 0..<600 {
            let printed = try process.printed()
            for line in try JSONText.lines(printed.output) {
                if let url = line["url"] as? String { return url }
            }
            guard !process.hasEnded else { throw Command.Failure(description: "no server: \(printed)") }
            Kernel.sleep(milliseconds: 50)
        }
        throw Command.Failure(description: "the server says nothing")
    }

    struct Answer {
        let status: Int
        let headers: String
        let body: [UInt8]

        var json: [String: Any] { (try? JSONSerialization.jsonObject(with: Data(body)) as? [String: Any]) ?? [:] }
        /// The body of a problem, but for what differs from one request to the next.
        var problem: [String: String] {
            Dictionary(uniqueKeysWithValues: json.filter { $0.key != "requestId" }.map { ($0.key, "\($0.value)") })
        }
    }

    /// What the server answers to a request of another program: curl.
    func http(_ method: String, _ path: String, token: String?, body: [UInt8]? = nil) throws -> Answer {
        let files = TemporaryDirectory(in: "/dev/shm")
        var arguments = ["-s", "-X", method, "-D", files.file("headers"), "-o", files.file("body"), url + path]
        if let token { arguments += ["-H", "Authorization: Bearer \(token)"] }
        if let body {
            try files.file("sent").write(body)
            arguments += ["--data-binary", "@" + files.file("sent"), "-H", "Content-Type: application/octet-stream"]
        }
        try files.file("body").write([])
        let run = try Command.run("/usr/bin/curl", arguments + ["-w", "%{http_code}"])
        return Answer(
            status: Int(run.output) ?? 0,
            headers: String(decoding: try Kernel.readFile(files.file("headers"), limit: 1 << 20), as: UTF8.self),
            body: try Kernel.readFile(files.file("body"), limit: 64 << 20))
    }

    /// The served store is whole, and no push is open.
    func expectSound(_ place: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
        let check = try binary.run("fsck", "--read-data")
        #expect(check.status == 0, "\(place): \(check.output)\(check.errors)", sourceLocation: sourceLocation)
        let sessions = try JSONText.lines(binary.run("stats", "--json").output).last?["sessions"] as? Int
        #expect(sessions == 0, "\(place)", sourceLocation: sourceLocation)
    }
}
