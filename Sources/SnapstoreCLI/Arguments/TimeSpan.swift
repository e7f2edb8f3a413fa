import ArgumentParser

/// A span of time as people type it.
struct TimeSpan: ExpressibleByArgument {
    let milliseconds: Int64

    static let day = TimeSpan(milliseconds: 24 * 3600 * 1000)

    init(milliseconds: Int64) {
        self.milliseconds = milliseconds
    }

    /// A number of seconds, or one with s, m, h or d.
    init?(argument: String) {
        let units: [Character: Int64] = ["s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000]
        let unit = argument.last.flatMap { units[$0] }
        guard let number = Int64(unit == nil ? argument[...] : argument.dropLast()), number >= 0 else { return nil }
        let (product, overflow) = number.multipliedReportingOverflow(by: unit ?? 1000)
        // A hundred years; more is a typing error.
        guard !overflow, product <= 3_155_760_000_000 else { return nil }
        milliseconds = product
    }

    var defaultValueDescription: String { "24h" }
}
