import Glibc
import SnapIO
import TestSupport
import Testing

/// Names are bytes, and sorted as bytes.
@Suite struct DirectoryNamesTests {
    private let directory = TemporaryDirectory(in: "/dev/shm")

    private func make(_ names: some Sequence<[UInt8]>) throws -> Descriptor {
        let handle = try directory.open()
        for name in names { try Kernel.makeNode(in: handle, name, .fifo) }
        return handle
    }

    private func sorted(_ names: [[UInt8]]) -> [[UInt8]] { names.sorted { $0.lexicographicallyPrecedes($1) } }

    @Test func everyByteAndLength() throws {
        var names: [[UInt8]] = []
        for byte in UInt8(1)...UInt8.max where byte != 0x2f {
            names += [[0x78, byte], [byte, 0x78], [0x78, byte, 0x78]]
            if byte != 0x2e { names.append([byte]) }
        }
        names += (4...255).map { [UInt8](repeating: 0x79, count: $0) }
        names += ["...", "..a", ".a", "é", "e\u{301}", "\u{202e}x", "a\nb", "\u{1b}[31m"].map(bytes)
        let expected = sorted(Array(Set(names)))
        let handle = try make(expected.shuffled())
        #expect(Array(try DirectoryNames(reading: handle)) == expected)
        // The descriptor may be read again, and the same list made without a directory.
        #expect(Array(try DirectoryNames(reading: handle)) == expected)
        #expect(Array(try DirectoryNames(names.shuffled())) == sorted(names))
    }

    @Test func moreThanOneBufferOfNames() throws {
        let names = (0..<12_000).map { bytes("a name of some length \($0)") }
        let handle = try make(names)
        let found = try DirectoryNames(reading: handle)
        #expect(found.count == 12_000 && Array(found) == sorted(names))
        #expect(Array(try Kernel.names(inDirectory: directory.path)) == sorted(names))
    }

    @Test func anEmptyDirectory() throws {
        let names = try DirectoryNames(reading: make([]))
        #expect(names.isEmpty && names.first == nil)
        #expect(Array(try DirectoryNames([[UInt8]]())) == [])
    }

    @Test func whatIsNoDirectory() throws {
        try directory.file("file").write([1])
        let error = #expect(throws: IOError.self) { try Kernel.names(inDirectory: directory.file("file")) }
        #expect(error?.errno == ENOTDIR)
        let missing = #expect(throws: IOError.self) { try Kernel.names(inDirectory: directory.file("missing")) }
        #expect(missing?.isNotFound == true)
        let file = try Kernel.open(directory.file("file"), .readOnly)
        #expect(throws: IOError.self) { try DirectoryNames(reading: file) }
    }

    @Test func namesNoSlotCanHold() throws {
        #expect(Array(try DirectoryNames([[], [UInt8](repeating: 1, count: 255)])).map(\.count) == [0, 255])
        let error = #expect(throws: IOError.self) { try DirectoryNames([[UInt8](repeating: 1, count: 256)]) }
        #expect(error?.errno == ENAMETOOLONG)
    }

    @Test func randomNames() throws {
        var generator = SeededGenerator(seed: TestScale.seed("names"))
        for _ in 0..<(50 * TestScale.factor) {
            let names = (0..<Int(generator.next() % 200)).map { _ -> [UInt8] in
                let count = Int.random(in: 0...6, using: &generator)
                return generator.bytes(count).map { $0 & 3 }
            }
            #expect(Array(try DirectoryNames(names)) == sorted(names))
        }
    }
}
