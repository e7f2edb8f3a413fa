import SnapIO
import Synchronization
import TestSupport
import Testing

/// Threads of our own.
@Suite(.timeLimit(.minutes(2))) struct WorkerPoolTests {
    struct Failure: Error, Equatable {
        let number: Int
    }

    @Test func everyTaskRunsOnce() throws {
        let ran = Mutex<[Int: Int]>([:])
        let pool = try WorkerPool(threads: 4, queueMax: 3)
        for number in 0..<1000 { try pool.submit { ran.withLock { $0[number, default: 0] += 1 } } }
        try pool.wait()
        #expect(ran.withLock { $0.count == 1000 && $0.values.allSatisfy { $0 == 1 } })
        // It goes on after a wait.
        try pool.submit { ran.withLock { $0[1000] = 1 } }
        try pool.wait()
        #expect(ran.withLock { $0.count } == 1001)
    }

    /// One thread takes tasks in the order they came; several run at once.
    @Test func orderAndWidth() throws {
        let order = Mutex<[Int]>([])
        let single = try WorkerPool(threads: 1, queueMax: 100)
        for number in 0..<100 { try single.submit { order.withLock { $0.append(number) } } }
        try single.wait()
        #expect(order.withLock { $0 } == Array(0..<100))
        // Each of four tasks waits for the other three.
        let met = Atomic(0)
        let wide = try WorkerPool(threads: 4, queueMax: 4)
        for _ in 0..<4 {
            try wide.submit {
                met.add(1, ordering: .relaxed)
                waitUntil { met.load(ordering: .relaxed) == 4 }
            }
        }
        try wide.wait()
    }

    /// While the only thread is busy, as many tasks may wait as said; whoever brings one more waits too.
    @Test(arguments: [1, 5])
    func theQueueIsBounded(_ queueMax: Int) throws {
        let busy = try WorkerPool(threads: 1, queueMax: queueMax)
        let producer = try WorkerPool(threads: 1, queueMax: 1)
        let (latch, submitted, ran) = (Latch(), Counter(), Counter())
        try busy.submit { latch.wait() }
        waitUntil { (try? busy.submit { ran.add() }) != nil }
        try producer.submit {
            for _ in 0..<20 {
                try busy.submit { ran.add() }
                submitted.add()
            }
        }
        waitUntil { submitted.value >= queueMax - 1 }
        // The producer has all the time it wants to do wrong.
        Kernel.sleep(milliseconds: 50)
        // The first task may have left the queue, which makes room for one more.
        #expect(submitted.value <= queueMax && ran.value == 0)
        latch.open()
        try producer.wait()
        try busy.wait()
        #expect(ran.value == 21)
    }

    @Test func theFirstErrorIsThrownByWhatComesNext() throws {
        let pool = try WorkerPool(threads: 1, queueMax: 10)
        let ran = Counter()
        for number in 0..<5 {
            try? pool.submit {
                ran.add()
                if number >= 2 { throw Failure(number: number) }
            }
        }
        #expect(throws: Failure(number: 2)) { try pool.wait() }
        #expect(throws: Failure(number: 2)) { try pool.wait() }
        #expect(throws: Failure(number: 2)) { try pool.submit { ran.add() } }
        #expect(throws: Failure(number: 2)) { try pool.wait { false } }
        // A condition that holds is no reason to look for errors.
        try pool.wait { true }
        #expect((3...5).contains(ran.value))
    }

    /// An error while somebody waits for room wakes him.
    @Test func anErrorEndsTheWaitForRoom() throws {
        let pool = try WorkerPool(threads: 1, queueMax: 1)
        let latch = Latch()
        try pool.submit {
            latch.wait()
            throw Failure(number: 1)
        }
        let opener = try WorkerPool(threads: 1, queueMax: 1)
        try opener.submit {
            Kernel.sleep(milliseconds: 5)
            latch.open()
        }
        #expect(throws: Failure.self) { while true { try pool.submit {} } }
        try opener.wait()
    }

    @Test func waitingForACondition() throws {
        let pool = try WorkerPool(threads: 3, queueMax: 100)
        let ran = Counter()
        for _ in 0..<50 { try pool.submit { ran.add() } }
        try pool.wait { ran.value >= 10 }
        #expect(ran.value >= 10)
        try pool.wait()
    }

    /// What was queued still runs when nobody holds the pool any more.
    @Test func aPoolThatIsLetGoEndsItsWork() throws {
        let (latch, ran) = (Latch(), Counter())
        do {
            let pool = try WorkerPool(threads: 2, queueMax: 50)
            for _ in 0..<2 { try pool.submit { latch.wait() } }
            for _ in 0..<40 { try pool.submit { ran.add() } }
        }
        latch.open()
        waitUntil { ran.value == 40 }
    }

    /// Blocking calls, many more than the cooperative pool has threads, and tasks that go on all the while.
    @Test func blockingCallsDoNotStarveTasks() async throws {
        let executor = try BlockingExecutor(threads: 64)
        let (latch, blocked) = (Latch(), Counter())
        try await withThrowingTaskGroup(of: Int.self) { group in
            for number in 0..<64 {
                group.addTask {
                    try await executor.run {
                        blocked.add()
                        latch.wait()
                        return number
                    }
                }
            }
            // All of them block at once; this task, and a thousand others, still run.
            while blocked.value < 64 { await Task.yield() }
            let sum = await withTaskGroup(of: Int.self) { tasks in
                for number in 0..<1000 { tasks.addTask { number } }
                return await tasks.reduce(0, +)
            }
            #expect(sum == 499_500)
            latch.open()
            var found: [Int] = []
            for try await number in group { found.append(number) }
            #expect(found.sorted() == Array(0..<64))
        }
    }

    @Test func errorsOfBlockingCallsAreThrownToTheirCallers() async throws {
        let executor = try BlockingExecutor(threads: 1)
        for number in 0..<3 {
            await #expect(throws: Failure(number: number)) {
                try await executor.run { throw Failure(number: number) }
            }
            // One call's error is not another's.
            #expect(try await executor.run { number } == number)
        }
    }
}

/// Counts from several threads.
final class Counter: Sendable {
    private let count = Atomic(0)

    func add() { count.add(1, ordering: .sequentiallyConsistent) }
    var value: Int { count.load(ordering: .sequentiallyConsistent) }
}
