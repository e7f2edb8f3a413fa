import SnapDigest

/// A stretch of a file as `docs/format.md` section 3 divides it.
enum Stretch: Hashable, CustomStringConvertible {
    case data(offset: Int, count: Int)
    case zeros(offset: Int, count: Int)

    var count: Int {
        switch self {
        case .data(_, let count), .zeros(_, let count): count
        }
    }

    var description: String {
        switch self {
        case .data(let offset, let count): "\(count)@\(offset)"
        case .zeros(let offset, let count): "zeros \(count)@\(offset)"
        }
    }
}

/// The rules for writers, from the text of the format alone: the whole file in memory, nothing clever.
struct NaiveCutter {
    private let gear: [UInt64]

    init() throws {
        let hasher = try SHA256()
        gear = (0...255).map { byte in
            hasher.digest([UInt8(byte)]).bytes[..<8].reduce(0) { $0 * 256 + UInt64($1) }
        }
    }

    func cut(_ file: [UInt8], pages: Bool) -> [Stretch] {
        var stretches: [Stretch] = []
        var dataStart = 0
        for zeros in zeroRuns(file) {
            stretches += chunks(file, dataStart..<zeros.lowerBound, pages: pages)
            stretches.append(.zeros(offset: zeros.lowerBound, count: zeros.count))
            dataStart = zeros.upperBound
        }
        return stretches + chunks(file, dataStart..<file.count, pages: pages)
    }

    /// Maximal runs of blocks of 4,096 bytes (the last may be shorter) that hold only zeros, of at least 64 KiB.
    private func zeroRuns(_ file: [UInt8]) -> [Range<Int>] {
        var runs: [Range<Int>] = []
        var start: Int?
        for block in stride(from: 0, to: file.count, by: 4096) {
            let end = min(block + 4096, file.count)
            if file[block..<end].allSatisfy({ $0 == 0 }) {
                start = start ?? block
            } else if let first = start {
                runs.append(first..<block)
                start = nil
            }
        }
        if let start { runs.append(start..<file.count) }
        return runs.filter { $0.count >= 65_536 }
    }

    private func chunks(_ file: [UInt8], _ run: Range<Int>, pages: Bool) -> [Stretch] {
        var stretches: [Stretch] = []
        var start = run.lowerBound
        while start < run.upperBound {
            let end = pages ? min((start / 65_536 + 1) * 65_536, run.upperBound) : chunkEnd(file, start, run.upperBound)
            stretches.append(.data(offset: start, count: end - start))
            start = end
        }
        return stretches
    }

    /// Steps 1 to 4 of the profile `fastcdc-1`.
    private func chunkEnd(_ file: [UInt8], _ s: Int, _ e: Int) -> Int {
        let (min, average, max) = (4096, 16_384, 65_536)
        if e - s <= min { return e }
        var h: UInt64 = 0
        for i in (s + min - 64)..<(s + min) { h = h &* 2 &+ gear[Int(file[i])] }
        var i = s + min
        while i < e, i - s < max {
            h = h &* 2 &+ gear[Int(file[i])]
            let bits = i - s < average ? 14 + 2 : 14 - 2
            if h >> UInt64(64 - bits) == 0 { return i + 1 }
            i += 1
        }
        return Swift.min(s + max, e)
    }
}
