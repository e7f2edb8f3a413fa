import ArgumentParser
import SnapIO
import SnapModel

/// A point in time as people type it: `2026-11-24`, `"2026-11-24 12:00:00"` (UTC), `@SECONDS` from 1970, or how long
/// ago it was: `30m`, `24h`, `7d`.
struct Moment: ExpressibleByArgument {
    let timestamp: Timestamp

    init?(argument: String) {
        if argument.hasPrefix("@") {
            guard let seconds = Int64(argument.dropFirst()) else { return nil }
            timestamp = Timestamp(seconds: seconds, nanoseconds: 0)
        } else if let last = argument.last, "smhd".contains(last) {
            guard let span = TimeSpan(argument: argument) else { return nil }
            let milliseconds = Kernel.wallNanoseconds() / 1_000_000 - span.milliseconds
            let remainder = (milliseconds % 1000 + 1000) % 1000
            timestamp = Timestamp(
                seconds: (milliseconds - remainder) / 1000, nanoseconds: UInt32(clamping: remainder * 1_000_000))
        } else {
            guard let seconds = Self.seconds(argument) else { return nil }
            timestamp = Timestamp(seconds: seconds, nanoseconds: 0)
        }
    }

    /// Seconds from 1970 of a date, with a time of day or without.
    private static func seconds(_ text: String) -> Int64? {
        guard let fields = fields(Array(text.utf8)) else { return nil }
        let (year, month, day) = (fields[0], fields[1], fields[2])
        let time = Array(fields.dropFirst(3)) + [0, 0, 0]
        guard (1...12).contains(month), (1...daysOfMonth(year, month)).contains(day), time[0] < 24, time[1] < 60,
            time[2] < 60
        else { return nil }
        return days(year, month, day) * 86_400 + time[0] * 3600 + time[1] * 60 + time[2]
    }

    /// The numbers of `2026-11-24`, perhaps with ` 12:00`, ` 12:00:00` and `Z`: three to six of them.
    private static func fields(_ text: [UInt8]) -> [Int64]? {
        let form = Array("0000-00-00 00:00:00".utf8)
        let hasZone = text.count > 11 && text.last == UInt8(ascii: "Z")
        let bytes = hasZone ? Array(text.dropLast()) : text
        guard [10, 16, 19].contains(bytes.count) else { return nil }
        var fields: [Int64] = [0]
        for (index, byte) in bytes.enumerated() {
            if form[index] == UInt8(ascii: "0") {
                guard (48...57).contains(byte) else { return nil }
                fields[fields.count - 1] = fields[fields.count - 1] * 10 + Int64(byte - 48)
            } else {
                guard byte == form[index] || index == 10 && byte == UInt8(ascii: "T") else { return nil }
                fields.append(0)
            }
        }
        return fields
    }

    private static func daysOfMonth(_ year: Int64, _ month: Int64) -> Int64 {
        if month == 2 { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28 }
        return [4, 6, 9, 11].contains(month) ? 30 : 31
    }

    /// From 1970-01-01, by the algorithm that ``Format/time(seconds:)`` has the other half of. Years are 0 … 9999.
    private static func days(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        // Years begin in March, eras of 400 years with the year 0; January and February of it belong to the one before.
        let year = month <= 2 ? year - 1 : year
        let era = (year >= 0 ? year : year - 399) / 400
        let yearOfEra = year - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }
}
