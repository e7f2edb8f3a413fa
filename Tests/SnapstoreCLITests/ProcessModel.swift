import Foundation
import Glibc
import SnapIO
import Synchronization
import TestSupport

/// A tree as anybody sees it: types, modes, times, targets and bytes, read by other means than the program's.
struct SeenTree: Hashable, Sendable {
    private struct Node: Hashable, Sendable {
        let mode: UInt32
        let seconds: Int
        let nanoseconds: Int
        let bytes: [UInt8]
    }

    private var nodes: [String: Node] = [:]

    init(_ root: String) throws {
        for name in [""] + (try FileManager.default.subpathsOfDirectory(atPath: root)) {
            let path = root + "/" + name
            var status = stat()
            guard lstat(path, &status) == 0 else { throw Command.Failure(description: "\(path) is gone") }
            let bytes =
                switch status.st_mode & S_IFMT {
                case S_IFREG: try Kernel.readFile(path, limit: 1 << 30)
                case S_IFLNK: Array(try FileManager.default.destinationOfSymbolicLink(atPath: path).utf8)
                default: [UInt8]()
                }
            nodes[name] = Node(
                mode: status.st_mode, seconds: status.st_mtim.tv_sec, nanoseconds: status.st_mtim.tv_nsec, bytes: bytes)
        }
    }
}

/// What the snapshots of a store must be that several processes use, from what each was answered.
final class ProcessModel: Sendable {
    enum State: Sendable {
        /// A command that makes it is under way.
        case making
        case there
        /// A command that deletes it is under way, or one that brings it back.
        case going
        case gone
    }

    struct Snapshot: Sendable {
        let tree: SeenTree
        var digest: String?
        var state: State
        /// One that came back stays, so that what was seen before and after a list says what it must show.
        var mayGo = true
    }

    private let snapshots = Mutex<[String: Snapshot]>([:])

    var now: [String: Snapshot] { snapshots.withLock { $0 } }

    func state(of reference: String) -> State? { now[reference]?.state }

    func begin(_ reference: String, _ tree: SeenTree) {
        snapshots.withLock { $0[reference] = Snapshot(tree: tree, digest: nil, state: .making) }
    }

    func made(_ reference: String, digest: String?) {
        snapshots.withLock {
            $0[reference]?.digest = digest
            $0[reference]?.state = .there
        }
    }

    /// One that is there, at random; with `going`, of those that may be deleted, and marked so.
    func pick(_ generator: inout SeededGenerator, going: Bool = false) -> (reference: String, snapshot: Snapshot)? {
        snapshots.withLock { snapshots in
            let there = snapshots.filter { $0.value.state == .there && ($0.value.mayGo || !going) }.keys.sorted()
            guard let reference = there.randomElement(using: &generator), let found = snapshots[reference] else {
                return nil
            }
            if going { snapshots[reference]?.state = .going }
            return (reference, found)
        }
    }

    func mark(_ reference: String, _ state: State, mayGo: Bool = true) {
        snapshots.withLock {
            $0[reference]?.state = state
            $0[reference]?.mayGo = mayGo
        }
    }

    /// What is wrong with a list, given what was known before it was asked for and is known now.
    func problems(listed: [String: String], before: [String: Snapshot]) -> [String] {
        let after = now
        var problems: [String] = []
        for (reference, snapshot) in before where snapshot.state == .there && after[reference]?.state == .there {
            if listed[reference] == nil { problems.append("\(reference) is not listed") }
        }
        for (reference, digest) in listed {
            guard let snapshot = after[reference] else {
                problems.append("\(reference) is nobody's")
                continue
            }
            if let must = snapshot.digest, must != digest { problems.append("\(reference) is \(digest), not \(must)") }
            if snapshot.state == .gone, before[reference]?.state == .gone {
                problems.append("\(reference) is listed after its delete")
            }
        }
        return problems
    }
}
