import SnapIO
import Synchronization
import Testing

/// Threads that are started when they are first needed, by whichever of several callers comes first.
@Suite(.timeLimit(.minutes(2))) struct LazyWorkersTests {
    @Test func severalCallersAtOnce() throws {
        for _ in 0..<10 {
            let workers = LazyWorkers(threads: 2)
            let callers = try WorkerPool(threads: 8, queueMax: 8)
            let ready = Atomic(0)
            let sum = Atomic(0)
            for _ in 0..<8 {
                try callers.submit {
                    ready.add(1, ordering: .sequentiallyConsistent)
                    waitUntil { ready.load(ordering: .sequentiallyConsistent) == 8 }
                    for _ in 0..<4 {
                        try workers.concurrently(5) { number in sum.add(number, ordering: .relaxed) }
                    }
                }
            }
            try callers.wait()
            // 0 + 1 + 2 + 3 + 4, four times by each of eight.
            #expect(sum.load(ordering: .relaxed) == 320)
        }
    }

    /// What was submitted is done, even when nobody waits for it.
    @Test func aPoolThatIsLetGoEndsItsWork() throws {
        for _ in 0..<30 {
            let done = Atomic(0)
            do {
                let pool = try WorkerPool(threads: 4, queueMax: 64)
                for _ in 0..<50 { try pool.submit { done.add(1, ordering: .relaxed) } }
            }
            waitUntil { done.load(ordering: .relaxed) == 50 }
        }
    }
}
