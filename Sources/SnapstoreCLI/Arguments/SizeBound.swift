import ArgumentParser
import Snapstore

/// `+10M`, `-4k` or `0`: more than, less than, or just so many bytes. Units are powers of 1,024.
struct SizeBound: ExpressibleByArgument {
    let size: FindCriteria.Size

    init?(argument: String) {
        var rest = argument[...]
        let sign = rest.first.flatMap { "+-".contains($0) ? $0 : nil }
        if sign != nil { rest.removeFirst() }
        var unit: UInt64 = 1
        let units: [Character: UInt64] = [
            "k": 1 << 10, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40,
        ]
        if let last = rest.last, let factor = units[last] {
            unit = factor
            rest.removeLast()
        }
        guard rest.utf8.allSatisfy({ (48...57).contains($0) }), let number = UInt64(rest) else { return nil }
        let (bytes, overflow) = number.multipliedReportingOverflow(by: unit)
        guard !overflow else { return nil }
        switch sign {
        case "+": size = .moreThan(bytes)
        case "-": size = .lessThan(bytes)
        default: size = .exactly(bytes)
        }
    }
}
