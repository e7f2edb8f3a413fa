import SnapCore
import SnapDigest
import SnapIO
import SnapModel
import SnapTrees
import Synchronization
import TestSupport
import Testing

/// Files that are there already, or have just been written, are compared to the last byte.
@Suite struct ReadBackTests {
    /// 1 MiB of data, as long a hole, and 1 MiB of data.
    private static let (data, hole) = (1 << 20, 1 << 20)
    private static let length = 3 << 20

    private func file(first: UInt64 = 1, last: UInt64 = 2) -> [UInt8] {
        patternBytes(Self.data, seed: first) + [UInt8](repeating: 0, count: Self.hole)
            + patternBytes(Self.data, seed: last)
    }

    /// What somebody put in the place of the file, of the same length, mode and time.
    static let others: [(String, @Sendable ([UInt8]) -> [UInt8])] = [
        ("the first chunk differs", { [$0[0] ^ 1] + $0.dropFirst() }),
        ("the last byte differs", { $0.dropLast() + [$0[$0.count - 1] ^ 1] }),
        (
            "a byte in the hole",
            { bytes in
                var bytes = bytes
                bytes[Self.data + Self.hole / 2] = 1
                return bytes
            }
        ),
    ]

    private func check(_ bench: RestoreBench, _ path: String, _ manifest: Digest, _ change: () throws -> Void)
        throws
    {
        let status = try path.status()
        try change()
        path.setTime(seconds: Int(status.modifiedSeconds), nanoseconds: Int(status.modifiedNanoseconds))
        #expect(try bench.restore(manifest) { $0.overwrite = true }.keptFiles == 0)
        try TreeTools.expectEqual([(bench.source, bench.target)])
    }

    private func bench() throws -> (RestoreBench, Digest) {
        let bench = try RestoreBench(trees: "/dev/shm")
        bench.source.makeDirectory()
        try "\(bench.source)/f".write(file())
        return (bench, try bench.capture(bench.source))
    }

    @Test(arguments: others) func `another file of the same length and time is replaced`(
        _ what: String, _ other: @Sendable ([UInt8]) -> [UInt8]
    ) throws {
        let (bench, manifest) = try bench()
        try bench.restore(manifest)
        try check(bench, "\(bench.target)/f", manifest) { try "\(bench.target)/f".write(other(file())) }
    }

    @Test func `a hole where data should be is replaced`() throws {
        let bench = try RestoreBench(trees: "/dev/shm")
        bench.source.makeDirectory()
        let bytes = [UInt8](repeating: 0, count: Self.hole) + patternBytes(2 * Self.data)
        try "\(bench.source)/f".write(bytes)
        let manifest = try bench.capture(bench.source)
        try bench.restore(manifest)
        let path = "\(bench.target)/f"
        try check(bench, path, manifest) {
            try path.write([])
            let file = try Kernel.open(path, .readWrite)
            try Kernel.truncate(file, to: UInt64(bytes.count))
            try [UInt8](bytes.suffix(Self.data)).withUnsafeBytes {
                try Kernel.write(file, $0, at: UInt64(bytes.count - Self.data))
            }
        }
    }

    @Test func `what reads back other than it was written is an error`() throws {
        let (bench, manifest) = try bench()
        let load = try bench.loader()
        let seen = Mutex<Set<ObjectKey>>([])
        // The second time a chunk is read is when the file is compared with it.
        let error = #expect(throws: StoreError.self) {
            try bench.restore(
                manifest,
                load: { key in
                    var bytes = try load(key)
                    let isFirst = seen.withLock { $0.insert(key).inserted }
                    if key.kind == .chunk, !isFirst { bytes[bytes.count - 1] ^= 1 }
                    return bytes
                }
            ) { $0.verify = true }
        }
        #expect(error?.code == .corrupt && error?.message.contains("reads back other") == true)
    }
}
