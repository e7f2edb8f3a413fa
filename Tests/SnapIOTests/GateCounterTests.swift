import SnapIO
import Testing

/// Operations are counted by kind, whatever thread they are of.
@Suite struct GateCounterTests {
    @Test func nothingIsCountedTwiceOrNotAtAll() throws {
        let counter = GateCounter()
        let pool = try WorkerPool(threads: 4, queueMax: 8)
        for _ in 0..<8 {
            try pool.submit {
                for number in 0..<500 {
                    counter.willPass(number, number % 5 == 0 ? .unlink(path: "a") : .sync(path: "a"))
                    if number % 50 == 0 { _ = counter.text }
                }
            }
        }
        try pool.wait()
        #expect(counter.text == "sync 3200\nunlink 800\n")
    }
}
