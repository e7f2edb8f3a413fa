internal import SnapCatalogue
internal import SnapIO

/// The machine's clocks as the store reads them.
struct StoreClock: Sendable {
    private let bootID: String

    init() throws {
        bootID = try Kernel.bootID()
    }

    /// Wall time, milliseconds since 1970.
    func milliseconds() -> Int64 { Kernel.wallNanoseconds() / 1_000_000 }

    func reading() -> LedgerClock.Reading {
        LedgerClock.Reading(
            bootID: bootID, bootNanoseconds: Kernel.bootNanoseconds(), wallNanoseconds: Kernel.wallNanoseconds())
    }
}
