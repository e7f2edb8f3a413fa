import SnapCatalogue
import Testing

/// Ledger time: follows the boot clock, is slewed to wall time, never runs backwards.
@Suite struct LedgerClockTests {
    private static let second: Int64 = 1_000_000_000
    private static let start: Int64 = 1_700_000_000 * second

    private func reading(boot: Int64, wall: Int64, id: String = "a") -> LedgerClock.Reading {
        LedgerClock.Reading(
            bootID: id, bootNanoseconds: boot * Self.second, wallNanoseconds: Self.start + wall * Self.second)
    }

    @Test func itAdvancesWithTheBootClock() {
        var clock = LedgerClock(startingAt: reading(boot: 100, wall: 0))
        #expect(clock.stamp(at: reading(boot: 160, wall: 60)) == Self.start + 60 * Self.second)
        #expect(clock.flag == .none)
    }

    /// A clock set back an hour, or forward a year, moves nothing and is flagged.
    @Test(arguments: [-3600, 3600, 365 * 86400])
    func aStepOfTheWallClockIsFlaggedAndNotFollowed(_ step: Int64) {
        var clock = LedgerClock(startingAt: reading(boot: 100, wall: 0))
        #expect(clock.stamp(at: reading(boot: 110, wall: 10 + step)) == Self.start + 10 * Self.second)
        #expect(clock.flag == .step)
    }

    @Test(arguments: [-30, 30])
    func aSmallDifferenceIsSlewedByAtMostFiveHundredPartsInAMillion(_ offset: Int64) {
        var clock = LedgerClock(startingAt: reading(boot: 0, wall: 0))
        let stamp = clock.stamp(at: reading(boot: 2000, wall: 2000 + offset))
        #expect(stamp == Self.start + (2000 + offset.signum()) * Self.second)
    }

    @Test func itNeverRunsBackwards() {
        var clock = LedgerClock(startingAt: reading(boot: 100, wall: 0))
        var last: Int64 = 0
        for (boot, wall) in [(110, 10), (105, 5), (111, -4000), (111, 90000), (500, 0)] as [(Int64, Int64)] {
            let stamp = clock.stamp(at: reading(boot: boot, wall: wall))
            #expect(stamp >= last)
            last = stamp
        }
    }

    @Test func aRestartTakesTheLaterOfWallTimeAndTheLastStamp() {
        var clock = LedgerClock(startingAt: reading(boot: 100, wall: 0))
        #expect(clock.stamp(at: reading(boot: 5, wall: 600, id: "b")) == Self.start + 600 * Self.second)
        #expect(clock.stamp(at: reading(boot: 5, wall: -600, id: "c")) == Self.start + 600 * Self.second)
        #expect(clock.flag == .none)
        _ = clock.stamp(at: reading(boot: 5, wall: 600 + 86_401, id: "d"))
        #expect(clock.flag == .gap)
    }

    @Test func extremesDoNotTrap() {
        for wall in [Int64.min, -1, 0, .max] {
            for boot in [Int64.min, 0, .max] {
                var clock = LedgerClock(bootID: "a", bootNanoseconds: boot, ledgerNanoseconds: 0, flag: .none)
                let reading = LedgerClock.Reading(bootID: "a", bootNanoseconds: .max, wallNanoseconds: wall)
                #expect(clock.stamp(at: reading) >= 0)
                let restarted = LedgerClock.Reading(bootID: "b", bootNanoseconds: .min, wallNanoseconds: wall)
                #expect(clock.stamp(at: restarted) >= 0)
            }
        }
    }
}
