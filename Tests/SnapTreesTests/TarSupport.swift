import SnapChunking
import SnapCore
import SnapDigest
import SnapIO
import SnapModel
import SnapTrees
import TestSupport
import Testing

/// A tar archive put together member by member.
struct TarBuilder {
    var bytes: [UInt8] = []

    mutating func add(
        _ path: String, _ type: TarType = .file, _ data: [UInt8] = [], _ configure: (inout TarMember) -> Void = { _ in }
    ) {
        add(Array(path.utf8), type, data, configure)
    }

    mutating func add(
        _ path: [UInt8], _ type: TarType = .file, _ data: [UInt8] = [],
        _ configure: (inout TarMember) -> Void = { _ in }
    ) {
        var member = TarMember(path: path, type: type)
        member.mode = type == .directory ? 0o755 : 0o644
        member.modified = Timestamp(seconds: 1_700_000_000, nanoseconds: 0)
        member.size = UInt64(data.count)
        member.archivedBytes = UInt64(data.count)
        configure(&member)
        bytes += member.encode()
        addData(data)
    }

    mutating func link(_ path: String, to target: String) {
        add(path, .hardLink) { $0.linkName = Array(target.utf8) }
    }

    /// A member as its blocks say, with data to the end of a block.
    mutating func add(_ header: TarHeader, _ data: [UInt8] = []) {
        bytes += header.encode()
        addData(data)
    }

    /// A pax header, or a name of GNU tar, before the next member.
    mutating func addSpecial(_ type: TarType, _ data: [UInt8]) {
        var header = TarHeader(name: Array("special".utf8), type: type)
        header.size = UInt64(data.count)
        add(header, data)
    }

    mutating func addPax(_ records: [(String, String)]) {
        addSpecial(.extended, records.flatMap { TarPaxRecord($0.0, Array($0.1.utf8)).encode() })
    }

    /// A header changed byte by byte, with the checksum it needs then.
    mutating func addBlock(_ header: TarHeader, _ data: [UInt8] = [], _ change: (inout [UInt8]) -> Void) {
        var block = header.encode()
        change(&block)
        Self.seal(&block)
        bytes += block
        addData(data)
    }

    mutating func addData(_ data: [UInt8]) {
        bytes += data + [UInt8](repeating: 0, count: TarHeader.padding(after: UInt64(data.count)))
    }

    var finished: [UInt8] { bytes + [UInt8](repeating: 0, count: 1024) }

    /// Computes the checksum of a header again.
    static func seal(_ block: inout [UInt8]) {
        for index in 148..<156 { block[index] = UInt8(ascii: " ") }
        let sum = String(block.reduce(0) { $0 + Int($1) }, radix: 8)
        let text = String(repeating: "0", count: 6 - sum.count) + sum + "\0"
        block.replaceSubrange(148..<155, with: Array(text.utf8))
    }

    static func octal(_ value: Int, digits: Int) -> [UInt8] {
        let text = String(value, radix: 8)
        return Array((String(repeating: "0", count: digits - text.count) + text).utf8) + [0]
    }
}

/// Hands out bytes as a pipe does, some at a time.
func piecewise(_ bytes: [UInt8], _ most: Int = .max) -> (UnsafeMutableRawBufferPointer) throws -> Int {
    var position = 0
    return { buffer in
        let count = min(buffer.count, most, bytes.count - position)
        buffer.copyBytes(from: bytes[position..<(position + count)])
        position += count
        return count
    }
}

func scratchFile() throws -> Descriptor { try Kernel.openUnnamed(inDirectory: "/dev/shm") }

/// Imports an archive into memory.
func importTar(
    _ archive: [UInt8], pieces: Int = .max, memoryBytesMax: Int = 1 << 20, accounts: TarAccounts = TarAccounts()
) throws -> (CapturedTree, CaptureResult) {
    let sink = MemorySink()
    let result = try TarImport(
        sink: sink, accounts: accounts, memoryBytesMax: memoryBytesMax, scratch: scratchFile
    ).run(read: piecewise(archive, pieces))
    return (try CapturedTree(sink, result.manifest), result)
}

func importTar(_ build: (inout TarBuilder) -> Void) throws -> (CapturedTree, CaptureResult) {
    var builder = TarBuilder()
    build(&builder)
    return try importTar(builder.finished)
}

/// How an import fails.
func importFailure(_ archive: [UInt8], _ place: SourceLocation = #_sourceLocation) -> StoreError? {
    #expect(throws: StoreError.self, sourceLocation: place) { try importTar(archive) }
}

func importFailure(
    _ place: SourceLocation = #_sourceLocation, _ build: (inout TarBuilder) -> Void
) -> StoreError? {
    var builder = TarBuilder()
    build(&builder)
    return importFailure(builder.finished, place)
}

/// Exports what a sink holds.
func exportTar(_ sink: MemorySink, _ manifest: Digest) throws -> ([UInt8], TarExportResult) {
    var archive: [UInt8] = []
    let result = try TarExport(load: sink.load, scratch: scratchFile).run(manifest: manifest) { archive += $0 }
    return (archive, result)
}

/// Every member of an archive with its bytes, holes as zeros.
func readTar(_ archive: [UInt8]) throws -> [(member: TarMember, bytes: [UInt8])] {
    let reader = TarReader(piecewise(archive))
    var members: [(TarMember, [UInt8])] = []
    while let member = try reader.next() {
        var bytes: [UInt8] = []
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1000, alignment: 16)
        defer { buffer.deallocate() }
        reading: while true {
            switch try reader.read(into: buffer) {
            case .bytes(let count): bytes += buffer[..<count]
            case .zeros(let count): bytes += [UInt8](repeating: 0, count: Int(count))
            case .end: break reading
            }
        }
        members.append((member, bytes))
    }
    return members
}

/// The checkout: these tests lie two directories below it.
let checkout = String(#filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined())
