import FoundationEssentials
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
        if value >= 100 { return String(Int(value.rounded())) }
        let scale: Double = value >= 10 ? 10 : 100
        let number = (value * scale).rounded() / scale
        return String(number)
    }

    static func seconds(_ seconds: Double) -> String {
        seconds < 10 ? String((seconds * 100).rounded() / 100) + " s" : String(Int(seconds.rounded())) + " s"
    }

    /// `2026-11-24 12:00:00`, UTC.
    static func time(milliseconds: Int64) -> String {
        let date = Date(timeIntervalSince1970: Double(milliseconds / 1000))
        return String(date.formatted(.iso8601).dropLast().map { $0 == "T" ? " " : $0 })
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
