import SnapCore

/// Values as people read them.
enum Format {
    /// Binary units, three digits.
    static func bytes(_ count: Int64) -> String {
        var value = Double(count)
        for unit in ["B", "KiB", "MiB", "GiB", "TiB", "PiB"] {
            if abs(value) < 1024 || unit == "PiB" {
                return unit == "B" ? "\(count) B" : "\(rounded(value)) \(unit)"
            }
            value /= 1024
        }
        return "\(count) B"
    }

    private static func rounded(_ value: Double) -> String {
        if abs(value) >= 100 { return String(whole(value)) }
        let scale: Double = abs(value) >= 10 ? 10 : 100
        let number = (value * scale).rounded() / scale
        return String(number)
    }

    /// `1.25 times`.
    static func ratio(_ ratio: Double) -> String { String((ratio * 100).rounded() / 100) + " times" }

    static func seconds(_ seconds: Double) -> String {
        seconds < 10 ? String((seconds * 100).rounded() / 100) + " s" : String(whole(seconds)) + " s"
    }

    /// The nearest whole number, or the largest there is.
    static func whole(_ number: Double) -> Int64 {
        Int64(exactly: number.rounded()) ?? (number < 0 ? .min : .max)
    }

    /// `1 file`, `2 files`.
    static func count(_ number: Int64, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }

    /// `2026-11-24 12:00:00`, UTC.
    static func time(milliseconds: Int64) -> String {
        time(seconds: milliseconds.floored(by: 1000).quotient)
    }

    /// `2026-11-24 12:00:00`, UTC, for any number of seconds from 1970: a captured tree may hold every one.
    ///
    /// Days to a date by the algorithm of Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms" (2013).
    static func time(seconds: Int64) -> String {
        let (days, second) = seconds.floored(by: 86_400)
        // Eras of 400 years, each year beginning in March.
        let (era, dayOfEra) = (days + 719_468).floored(by: 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let marchMonth = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * marchMonth + 2) / 5 + 1
        let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
        let year = era * 400 + yearOfEra + (month <= 2 ? 1 : 0)
        return "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2)) "
            + "\(padded(second / 3600, 2)):\(padded(second / 60 % 60, 2)):\(padded(second % 60, 2))"
    }

    private static func padded(_ number: Int64, _ width: Int) -> String {
        let digits = String(number.magnitude)
        return (number < 0 ? "-" : "") + String(repeating: "0", count: max(0, width - digits.count)) + digits
    }

    /// Rows in columns, the first one heading them; numbers to the right where `right` says so.
    static func table(_ rows: [[String]], right: Set<Int> = []) -> [String] {
        guard let columns = rows.map(\.count).max() else { return [] }
        let widths = (0..<columns).map { column in rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0 }
        return rows.map { row in
            let cells = row.enumerated().map { column, cell in
                let space = String(repeating: " ", count: widths[column] - cell.count)
                if right.contains(column) { return space + cell }
                return column == row.count - 1 ? cell : cell + space
            }
            return cells.joined(separator: "  ")
        }
    }

    /// First digits of a digest, as references accept them.
    static func short(_ digest: some CustomStringConvertible) -> String {
        String(digest.description.dropFirst(7).prefix(12))
    }
}

extension Int64 {
    /// Quotient and remainder by a positive divisor, the remainder never negative.
    fileprivate func floored(by divisor: Int64) -> (quotient: Int64, remainder: Int64) {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }
}
