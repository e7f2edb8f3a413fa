import SnapChunking
import TestSupport

/// Bytes in memory, handed out in pieces that a seed chooses.
struct SlicedSource {
    enum Holes: CaseIterable {
        /// All zeros are read as bytes.
        case none
        /// Zeros may be told instead of read, on block borders as file systems do.
        case aligned
        /// Any zeros at all may be told.
        case anywhere
    }

    let file: [UInt8]
    let sizeMax: Int
    let holes: Holes
    private var generator: SeededGenerator
    private var position = 0

    init(_ file: [UInt8], sizeMax: Int, holes: Holes, seed: UInt64) {
        self.file = file
        self.sizeMax = sizeMax
        self.holes = holes
        generator = SeededGenerator(seed: seed)
    }

    mutating func read(_ buffer: UnsafeMutableRawBufferPointer) -> CutInput {
        guard position < file.count else { return .end }
        if let zeros = hole() {
            position += zeros
            return .zeros(UInt64(zeros))
        }
        let wanted = Int.random(in: 1...sizeMax, using: &generator)
        let count = min(wanted, buffer.count, file.count - position)
        buffer.copyBytes(from: file[position..<(position + count)])
        position += count
        return .bytes(count)
    }

    private mutating func hole() -> Int? {
        guard holes != .none, file[position] == 0, generator.next() % 4 > 0 else { return nil }
        let zeros = file[position...].prefix { $0 == 0 }.count
        switch holes {
        case .none: return nil
        case .anywhere: return Int.random(in: 1...zeros, using: &generator)
        case .aligned:
            guard position % 4096 == 0, zeros >= 4096 else { return nil }
            return Int.random(in: 1...(zeros / 4096), using: &generator) * 4096
        }
    }
}

extension StreamCutter {
    /// The stretches of a file; data that is not the file's own bytes is a stretch of length 0.
    func stretches(_ file: [UInt8], _ rule: CutRule, _ source: SlicedSource) throws -> [Stretch] {
        var source = source
        var stretches: [Stretch] = []
        var offset = 0
        try cut(rule, read: { source.read($0) }) { segment in
            switch segment {
            case .zeros(let count):
                stretches.append(.zeros(offset: offset, count: Int(count)))
                offset += Int(count)
            case .data(let bytes, _):
                let isOurs =
                    offset + bytes.count <= file.count && bytes.elementsEqual(file[offset..<(offset + bytes.count)])
                stretches.append(.data(offset: offset, count: isOurs ? bytes.count : 0))
                offset += bytes.count
            }
        }
        return stretches
    }

    func stretches(_ file: [UInt8], _ rule: CutRule = .contentDefined) throws -> [Stretch] {
        try stretches(file, rule, SlicedSource(file, sizeMax: 1 << 20, holes: .none, seed: 0))
    }
}

extension CutRule {
    var isPages: Bool {
        if case .pages = self { true } else { false }
    }

    static let both: [CutRule] = [.contentDefined, .pages]
}
