import Glibc
import SnapIO
import SnapModel
import SnapTrees

/// A tree of files that differ from those of every other tree; nothing of it is on a disk.
struct SyntheticTree: TreeSource {
    static let filesMax = 24_600
    private static let filesEach = 100
    private static let fileBytes = 8_000
    private static let randomBytes = 1_000

    struct Names: IteratorProtocol {
        let prefix: UInt8
        var left: Range<Int>

        /// Digits of one length, so that the order of bytes is that of numbers.
        mutating func next() -> [UInt8]? {
            left.popFirst().map { [prefix] + Array(String(1_000_000 + $0).utf8) }
        }
    }

    /// Random bytes that only this file has, then text that compresses to almost nothing: packs are as large as those of
    /// real files, and making ten million objects takes no day.
    struct File: SourceFile {
        let node: NodeStatus
        let seed: UInt64

        func status() throws(IOError) -> NodeStatus { node }

        func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(IOError) -> Int {
            let count = min(buffer.count, Int(node.size - min(offset, node.size)))
            var state = seed
            for position in 0..<count {
                let place = Int(offset) + position
                if place < SyntheticTree.randomBytes {
                    state = (state &+ 0x9e37_79b9_7f4a_7c15) &* 0xbf58_476d_1ce4_e5b9
                    buffer[position] = UInt8(truncatingIfNeeded: state >> 56)
                } else {
                    buffer[position] = UInt8(ascii: "a") + UInt8(place % 23)
                }
            }
            return count
        }

        func hasAttributes() throws(IOError) -> Bool { false }

        func nextData(from offset: UInt64) throws(IOError) -> UInt64? { offset }
        func nextHole(from offset: UInt64) throws(IOError) -> UInt64 { node.size }
    }

    private let number: Int
    private let files: Int
    private var directory: Int?
    private let time = Timestamp(seconds: 1_700_000_000, nanoseconds: 0)

    init(number: Int, files: Int) {
        self.number = number
        self.files = files
    }

    private static func index(_ name: [UInt8]) -> Int {
        name.dropFirst().reduce(0) { $0 * 10 + Int($1) - 48 } - 1_000_000
    }

    private func directoryStatus(_ index: Int) -> NodeStatus {
        NodeStatus(kind: .directory, mode: 0o755, modified: time, changed: time, inode: UInt64(index) + 1 << 40)
    }

    func status(of name: [UInt8]) throws(IOError) -> NodeStatus {
        let index = Self.index(name)
        guard name.first == UInt8(ascii: "f") else { return directoryStatus(index) }
        return NodeStatus(
            kind: .file, mode: 0o644, size: UInt64(Self.fileBytes), modified: time, changed: time,
            inode: UInt64(index) + 1)
    }

    func open(_ name: [UInt8]) throws(IOError) -> File {
        // Two multipliers, so that no two files of any trees begin alike.
        File(
            node: try status(of: name),
            seed: UInt64(number) &* 0xd134_2543_de82_ef95 &+ UInt64(Self.index(name)) &* 0xff51_afd7_ed55_8ccd)
    }

    mutating func enter(_ name: [UInt8]) throws(IOError) { directory = Self.index(name) }
    mutating func leave() throws(IOError) { directory = nil }

    func names() throws(IOError) -> Names {
        guard let directory else {
            return Names(prefix: UInt8(ascii: "d"), left: 0..<(files + Self.filesEach - 1) / Self.filesEach)
        }
        let first = directory * Self.filesEach
        return Names(prefix: UInt8(ascii: "f"), left: first..<min(first + Self.filesEach, files))
    }

    func status() throws(IOError) -> NodeStatus { directoryStatus(directory ?? 1 << 20) }
    func attributes() throws(IOError) -> [SourceAttribute] { [] }
    func attributes(of name: [UInt8]) throws(IOError) -> [SourceAttribute] { [] }
    func target(of name: [UInt8]) throws(IOError) -> [UInt8] { [] }
    var fileSystem: SourceFileSystem { .other }
}
