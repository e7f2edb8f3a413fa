import Glibc
import SnapIO
import SnapModel
import SnapTrees

/// A flat directory that exists only in the test, whose nodes can misbehave.
struct ScriptedSource: TreeSource {
    struct Node {
        var name: [UInt8]
        var status: NodeStatus
        var bytes: [UInt8]
        var attributes: [SourceAttribute] = []
        /// The calls by name that fail, with what.
        var failures: [Call: CInt] = [:]
        /// How many of the first statuses each show another time of change.
        var changes = 0

        init(
            name: String, kind: NodeStatus.Kind, inode: UInt64 = 1, links: UInt64 = 1, bytes: [UInt8] = []
        ) {
            self.name = Array(name.utf8)
            self.bytes = bytes
            let time = Timestamp(seconds: 1, nanoseconds: 0)
            status = NodeStatus(
                kind: kind, mode: 0o644, size: UInt64(bytes.count), modified: time, changed: time, inode: inode,
                links: links)
        }
    }

    enum Call { case status, attributes, target, open, enter, read }

    final class Log {
        var statuses: [[UInt8]: Int] = [:]
        var opened: [[UInt8]: Int] = [:]
    }

    private let nodes: [Node]
    private let byName: [[UInt8]: Int]
    let log = Log()

    init(_ nodes: [Node]) {
        self.nodes = nodes.sorted { $0.name.lexicographicallyPrecedes($1.name) }
        byName = Dictionary(uniqueKeysWithValues: self.nodes.enumerated().map { ($1.name, $0) })
    }

    private func node(_ name: [UInt8], _ call: Call) throws(IOError) -> Node {
        guard let index = byName[name] else { throw IOError(errno: ENOENT, operation: "find", path: name) }
        if let code = nodes[index].failures[call] { throw IOError(errno: code, operation: "\(call)", path: name) }
        return nodes[index]
    }

    func status(of name: [UInt8]) throws(IOError) -> NodeStatus {
        let node = try node(name, .status)
        var status = node.status
        let seen = log.statuses[name, default: 0]
        log.statuses[name] = seen + 1
        status.changed.nanoseconds = UInt32(min(seen, node.changes))
        return status
    }

    func attributes(of name: [UInt8]) throws(IOError) -> [SourceAttribute] { try node(name, .attributes).attributes }

    func target(of name: [UInt8]) throws(IOError) -> [UInt8] { try node(name, .target).bytes }

    func open(_ name: [UInt8]) throws(IOError) -> File {
        log.opened[name, default: 0] += 1
        return File(node: try node(name, .open))
    }

    func enter(_ name: [UInt8]) throws(IOError) { throw IOError(errno: EACCES, operation: "open", path: name) }
    func leave() throws(IOError) {}

    func status() throws(IOError) -> NodeStatus {
        let time = Timestamp(seconds: 0, nanoseconds: 0)
        return NodeStatus(kind: .directory, mode: 0o755, modified: time, changed: time, inode: 2)
    }

    func attributes() throws(IOError) -> [SourceAttribute] { [] }
    var fileSystem: SourceFileSystem { .other }
    func names() throws(IOError) -> IndexingIterator<[[UInt8]]> { nodes.map(\.name).makeIterator() }

    struct File: SourceFile {
        let node: Node

        func status() throws(IOError) -> NodeStatus { node.status }

        func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(IOError) -> Int {
            if let code = node.failures[.read] { throw IOError(errno: code, operation: "read", path: node.name) }
            guard offset < node.bytes.count else { return 0 }
            let part = node.bytes[Int(offset)...].prefix(buffer.count)
            buffer.copyBytes(from: part)
            return part.count
        }

        func hasAttributes() throws(IOError) -> Bool { true }
        func nextData(from offset: UInt64) throws(IOError) -> UInt64? { offset }
        func nextHole(from offset: UInt64) throws(IOError) -> UInt64 { node.status.size }
    }
}
