/// The clock of the ledger: boot-time seconds from an anchor, slewed to wall time, never backwards.
///
/// A pure value: readings of the machine's clocks go in, a stamp comes out. All times are nanoseconds.
package struct LedgerClock: Hashable, Sendable {
    /// What the machine's clocks say at one moment.
    package struct Reading: Hashable, Sendable {
        /// Identifies this run of the machine's kernel.
        package let bootID: String
        /// CLOCK_BOOTTIME: counts through suspend.
        package let bootNanoseconds: Int64
        /// CLOCK_REALTIME since 1970.
        package let wallNanoseconds: Int64

        package init(bootID: String, bootNanoseconds: Int64, wallNanoseconds: Int64) {
            self.bootID = bootID
            self.bootNanoseconds = bootNanoseconds
            self.wallNanoseconds = wallNanoseconds
        }
    }

    /// What an operator should look at.
    package enum Flag: Int64, Sendable {
        case none = 0
        /// Wall time is more than 60 s away from ledger time; the ledger did not follow.
        case step = 1
        /// More than 24 h passed between two boots.
        case gap = 2
    }

    package private(set) var bootID: String
    package private(set) var bootNanoseconds: Int64
    /// The last stamp given out.
    package private(set) var ledgerNanoseconds: Int64
    package private(set) var flag: Flag

    /// At most this part of the time passed is added or withheld to follow wall time: 500 ppm, as NTP slews.
    private static let slewDivisor: Int64 = 2000
    private static let stepNanoseconds: Int64 = 60 * 1_000_000_000
    private static let gapNanoseconds: Int64 = 24 * 3600 * 1_000_000_000

    /// A clock that starts at wall time.
    package init(startingAt reading: Reading) {
        self.init(
            bootID: reading.bootID, bootNanoseconds: reading.bootNanoseconds,
            ledgerNanoseconds: max(0, reading.wallNanoseconds), flag: .none)
    }

    package init(bootID: String, bootNanoseconds: Int64, ledgerNanoseconds: Int64, flag: Flag) {
        self.bootID = bootID
        self.bootNanoseconds = bootNanoseconds
        self.ledgerNanoseconds = ledgerNanoseconds
        self.flag = flag
    }

    /// Moves the clock to `reading` and returns the stamp, at least as late as every stamp before.
    package mutating func stamp(at reading: Reading) -> Int64 {
        if reading.bootID == bootID {
            advance(to: reading)
        } else {
            restart(at: reading)
        }
        bootID = reading.bootID
        bootNanoseconds = max(bootNanoseconds, reading.bootNanoseconds)
        return ledgerNanoseconds
    }

    private mutating func advance(to reading: Reading) {
        // A reading taken before the anchor's, by another thread, moves nothing.
        let elapsed = max(0, reading.bootNanoseconds.subtractingSaturated(bootNanoseconds))
        let expected = ledgerNanoseconds.addingSaturated(elapsed)
        let offset = reading.wallNanoseconds.subtractingSaturated(expected)
        if offset.magnitude > UInt64(Self.stepNanoseconds) {
            flag = .step
            ledgerNanoseconds = expected
        } else {
            let most = elapsed / Self.slewDivisor
            ledgerNanoseconds = expected.addingSaturated(min(max(offset, -most), most))
        }
    }

    private mutating func restart(at reading: Reading) {
        if reading.wallNanoseconds.subtractingSaturated(ledgerNanoseconds) > Self.gapNanoseconds { flag = .gap }
        ledgerNanoseconds = max(reading.wallNanoseconds, ledgerNanoseconds)
        bootNanoseconds = reading.bootNanoseconds
    }
}

extension Int64 {
    fileprivate func addingSaturated(_ other: Int64) -> Int64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? (other > 0 ? .max : .min) : sum
    }

    fileprivate func subtractingSaturated(_ other: Int64) -> Int64 {
        let (difference, overflow) = subtractingReportingOverflow(other)
        return overflow ? (other < 0 ? .max : .min) : difference
    }
}
