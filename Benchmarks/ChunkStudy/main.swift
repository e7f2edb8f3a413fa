// What chunk and frame sizes make of a series of versions: the study behind the store's profile.
//
//   swift run -c release chunk-study DIR/v1 DIR/v2 …        (Benchmarks/make_series.py makes such a series)
//
// Each version is walked in order; chunks that no earlier file had are grouped into frames and compressed as the store
// does. Metadata is estimated: 36 bytes a reference in trees and lists, and 36 in a footer and 110 in the catalogue for
// each distinct chunk. Holes are not looked for: zero segments are left out as they are in a store.

import SnapChunking
import SnapDigest
import SnapIO
import SnapPacks

/// One way to group chunks into frames.
final class Grouping {
    let frameBytes: Int
    private let compressor: FrameCompressor
    private var frame: [UInt8] = []
    private(set) var stored = 0

    init(frameBytes: Int) throws {
        self.frameBytes = frameBytes
        compressor = try FrameCompressor()
    }

    func add(_ chunk: UnsafeRawBufferPointer) throws {
        if !frame.isEmpty, frame.count + chunk.count > frameBytes { try flush() }
        frame.append(contentsOf: chunk)
        if frame.count >= frameBytes { try flush() }
    }

    func flush() throws {
        guard !frame.isEmpty else { return }
        stored += try compressor.compress(frame).stored.count
        frame.removeAll(keepingCapacity: true)
    }
}

/// One profile over the whole series.
final class Study {
    let profile: ChunkerProfile
    let groupings: [Grouping]
    private let cutter: StreamCutter
    private let hasher: SHA256
    private var seen: Set<Digest> = []
    private var references = 0

    init(_ profile: ChunkerProfile, frames: [Int]) throws {
        self.profile = profile
        groupings = try frames.map { try Grouping(frameBytes: $0) }
        cutter = StreamCutter(profile: profile)
        hasher = try SHA256()
    }

    func add(directory: String) throws {
        let descriptor = try Kernel.open(directory, [.readOnly, .directory])
        for name in try DirectoryNames(reading: descriptor) {
            let path = directory + "/" + String(decoding: name, as: UTF8.self)
            guard let status = try? Kernel.status(in: descriptor, name) else { continue }
            switch status.type {
            case .directory: try add(directory: path)
            case .regular where status.size > 64: try add(file: path)
            default: break
            }
        }
    }

    private func add(file path: String) throws {
        guard let file = try? Kernel.open(path, .readOnly) else { return }
        var offset: UInt64 = 0
        try cutter.cut(.contentDefined) { buffer in
            let count = try Kernel.read(file, into: buffer, at: offset)
            offset += UInt64(count)
            return count == 0 ? .end : .bytes(count)
        } emit: { segment in
            guard case .data(let bytes, _) = segment else { return }
            references += 1
            guard seen.insert(hasher.digest(bytes)).inserted else { return }
            for grouping in groupings { try grouping.add(bytes) }
        }
    }

    func report() throws {
        let metadata = 36 * references + 146 * seen.count
        for grouping in groupings {
            try grouping.flush()
            let sizes = "\(profile.min >> 10)/\(profile.average >> 10)/\(profile.max >> 10)"
            print(
                "| \(sizes) | \(grouping.frameBytes >> 10) | \(seen.count) | \(grouping.stored / 1_000_000) | "
                    + "\(metadata / 1_000_000) | \((grouping.stored + metadata) / 1_000_000) |")
        }
    }
}

let versions = CommandLine.arguments.dropFirst()
print("| min/average/max KiB | frame KiB | distinct chunks | frames MB | metadata MB | together MB |")
print("| --- | --- | --- | --- | --- | --- |")
for (bits, frames) in [
    (13, [512]), (14, [64, 128, 256, 512, 1024, 4096]), (15, [512]), (16, [512]), (18, [1024]),
] {
    let profile = ChunkerProfile(name: "study", min: 1 << (bits - 2), averageBits: bits, max: 1 << (bits + 2))
    let study = try Study(profile, frames: frames.map { $0 << 10 })
    for version in versions { try study.add(directory: version) }
    try study.report()
}
