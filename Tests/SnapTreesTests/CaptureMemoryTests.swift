import Glibc
import SnapIO
import SnapModel
import SnapTrees
import Testing

/// A tree made up as it is walked: `directories` directories of `files` names each, or one directory if that is 0.
struct EndlessSource: TreeSource {
    struct Names: IteratorProtocol {
        let prefix: UInt8
        var left: Range<Int>

        mutating func next() -> [UInt8]? {
            guard let index = left.popFirst() else { return nil }
            // Nine digits, so that byte order is the order of numbers.
            let digits = Array(String(index).utf8)
            return [prefix] + [UInt8](repeating: UInt8(ascii: "0"), count: 9 - digits.count) + digits
        }
    }

    struct File: SourceFile {
        let node: NodeStatus
        func status() throws(IOError) -> NodeStatus { node }
        func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(IOError) -> Int {
            buffer.initializeMemory(as: UInt8.self, repeating: UInt8(truncatingIfNeeded: node.inode))
            return buffer.count
        }
        func hasAttributes() throws(IOError) -> Bool { true }
        func nextData(from offset: UInt64) throws(IOError) -> UInt64? { offset }
        func nextHole(from offset: UInt64) throws(IOError) -> UInt64 { node.size }
    }

    let directories: Int
    let files: Int
    /// Every so many files have two names.
    var linksEvery = Int.max
    var onDirectory: (Int) -> Void = { _ in }
    private var current: Int?
    private let time = Timestamp(seconds: 1_700_000_000, nanoseconds: 5)

    init(directories: Int, files: Int) {
        self.directories = directories
        self.files = files
    }

    func status(of name: [UInt8]) throws(IOError) -> NodeStatus {
        let number = name.dropFirst().reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
        if name[0] == UInt8(ascii: "d") { return directoryStatus(number) }
        let inode = UInt64((current ?? 0) * files + number) + 1
        return NodeStatus(
            kind: .file, mode: 0o644, size: inode % 16 == 0 ? 100 : 0, modified: time, changed: time, inode: inode,
            links: number % linksEvery == 0 ? 2 : 1)
    }

    private func directoryStatus(_ number: Int) -> NodeStatus {
        NodeStatus(kind: .directory, mode: 0o755, modified: time, changed: time, inode: UInt64(number) + 1 << 40)
    }

    func attributes(of name: [UInt8]) throws(IOError) -> [SourceAttribute] { [] }
    func target(of name: [UInt8]) throws(IOError) -> [UInt8] { [] }
    func open(_ name: [UInt8]) throws(IOError) -> File { File(node: try status(of: name)) }

    mutating func enter(_ name: [UInt8]) throws(IOError) {
        let number = name.dropFirst().reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
        current = number
        onDirectory(number)
    }

    mutating func leave() throws(IOError) { current = nil }
    func status() throws(IOError) -> NodeStatus { directoryStatus(current ?? 1 << 30) }
    func attributes() throws(IOError) -> [SourceAttribute] { [] }
    var fileSystem: SourceFileSystem { .other }

    func names() throws(IOError) -> Names {
        current == nil && directories > 0
            ? Names(prefix: UInt8(ascii: "d"), left: 0..<directories)
            : Names(prefix: UInt8(ascii: "f"), left: 0..<files)
    }
}

/// Alone in the process while they measure it.
@Suite(.serialized) struct CaptureMemoryTests {
    /// 10^7 entries at scale 50.
    @Test func `a tree of any number of entries takes the memory of a small one`() throws {
        let directories = 200 * testScale
        var early: UInt64 = 0
        var source = EndlessSource(directories: directories, files: 1000)
        source.linksEvery = 4
        var late: UInt64 = 0
        source.onDirectory = {
            if $0 == directories / 10 { early = Kernel.residentMemoryBytes() }
            if $0 == directories - 1 { late = Kernel.residentMemoryBytes() }
        }
        let sink = CountingSink()
        let result = try Capture(sink: sink, options: CaptureOptions(kind: .directory)).run(source: source)
        #expect(result.counts.entries == UInt64(directories * 1001 + 1))
        #expect(result.counts.linkGroupsCut == UInt64(directories * 250))
        print(
            "capture of \(result.counts.entries) entries: \(early >> 10) KiB at a tenth, \(late >> 10) KiB at the end")
        // Up to a million entries the names of hard links still fill the memory they may take; other tests may run in
        // this process, too.
        #expect(late < early + (testScale >= 50 ? early / 10 : 64 << 20))
    }

    @Test func `a directory of any number of entries takes the memory of one node a level`() throws {
        let files = 200_000 * testScale
        let before = Kernel.residentMemoryBytes()
        let result = try Capture(sink: CountingSink(), options: CaptureOptions(kind: .directory))
            .run(source: EndlessSource(directories: 0, files: files))
        let after = Kernel.residentMemoryBytes()
        #expect(result.fileCount == UInt64(files))
        print("capture of a directory of \(files) entries: \(before >> 10) KiB before, \(after >> 10) KiB after")
        #expect(after < before + 64 << 20)
    }
}
