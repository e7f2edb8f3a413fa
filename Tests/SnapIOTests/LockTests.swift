import Glibc
import SnapIO
import Synchronization
import TestSupport
import Testing

/// Locks between threads and between processes.
@Suite(.timeLimit(.minutes(2))) struct LockTests {
    private let directory = TemporaryDirectory(in: "/dev/shm")

    /// Takes flock(2), as another process of ours would, and waits to be killed.
    private static let flockHolder = """
        import fcntl, sys, time
        file = open(sys.argv[1], "a")
        fcntl.flock(file, fcntl.LOCK_EX)
        print("locked", flush=True)
        time.sleep(600)
        """

    /// Takes an open file description lock on the whole file, which Python has no name for.
    private static let sessionHolder = """
        import fcntl, struct, sys, time
        file = open(sys.argv[1], "a")
        fcntl.fcntl(file, 37, struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, 0, 0))
        print("locked", flush=True)
        time.sleep(600)
        """

    @Test func oneThreadAtATime() throws {
        let lock = try FileLock(path: directory.file("lock"))
        let pool = try WorkerPool(threads: 8, queueMax: 8)
        let inside = Atomic(0)
        let done = Atomic(0)
        try withExtendedLifetime(pool) {
            for _ in 0..<200 {
                try pool.submit { [directory] in
                    // Some through the one open file, some through files of their own.
                    let own = done.load(ordering: .relaxed) % 2 == 0 ? lock : try FileLock(path: directory.file("lock"))
                    try own.lock(deadlineSeconds: 60)
                    defer { own.unlock() }
                    guard inside.add(1, ordering: .sequentiallyConsistent).newValue == 1 else {
                        throw IOError(errno: EDEADLK, operation: "lock", path: "two at once")
                    }
                    Kernel.sleep(milliseconds: 0)
                    inside.subtract(1, ordering: .sequentiallyConsistent)
                    done.add(1, ordering: .relaxed)
                }
            }
            try pool.wait()
        }
        #expect(done.load(ordering: .relaxed) == 200)
    }

    @Test func theDeadlineIsKeptAndNothingIsLeftTaken() throws {
        let (lock, other) = (try FileLock(path: directory.file("lock")), try FileLock(path: directory.file("lock")))
        try lock.lock(deadlineSeconds: 0)
        for waiting in [lock, other] {
            let error = #expect(throws: IOError.self) { try waiting.lock(deadlineSeconds: 0.01) }
            #expect(error?.isTimeout == true)
            #expect(error?.description.contains("Another process holds it") == true)
        }
        lock.unlock()
        try other.lock(deadlineSeconds: 0)
        #expect(throws: IOError.self) { try lock.lock(deadlineSeconds: 0) }
        other.unlock()
        try lock.lock(deadlineSeconds: 0)
        lock.unlock()
    }

    @Test func anotherProcessHoldsItUntilItDies() throws {
        let path = directory.file("lock")
        let lock = try FileLock(path: path)
        let child = try ChildProcess(Self.flockHolder, path)
        try child.waitForLine()
        #expect(throws: IOError.self) { try lock.lock(deadlineSeconds: 0.01) }
        child.kill()
        try lock.lock(deadlineSeconds: 30)
        lock.unlock()
    }

    @Test func theFileStaysAndIsPrivate() throws {
        let lock = try FileLock(path: directory.file("lock"))
        try lock.lock(deadlineSeconds: 0)
        lock.unlock()
        #expect(try Kernel.status(path: directory.file("lock")).mode == 0o600)
        #expect(throws: IOError.self) { try FileLock(path: directory.file("no/lock")) }
    }

    @Test func aSessionLivesAsLongAsItsProcess() throws {
        let path = directory.file("session")
        let child = try ChildProcess(Self.sessionHolder, path)
        try child.waitForLine()
        #expect(try SessionLock.tryTake(path: path) == nil)
        child.kill()
        let taken = try #require(try SessionLock.tryTake(path: path))
        taken.release()
        #expect(!Kernel.exists(path))
    }

    @Test func aSessionOfThisProcessIsAlive() throws {
        let path = directory.file("session")
        let session = try SessionLock.create(path: path)
        #expect(try SessionLock.tryTake(path: path) == nil)
        #expect(Kernel.exists(path))
        session.release()
        #expect(!Kernel.exists(path))
        // Nobody's: it can be taken, and made again.
        let taken = try #require(try SessionLock.tryTake(path: path))
        #expect(try SessionLock.tryTake(path: path) == nil)
        taken.release()
        try SessionLock.create(path: path).release()
    }

    /// Tidying up beside sessions that begin: each session has the file of its name while it lives.
    @Test func tidyingUpTakesNoLivingSession() throws {
        let path = directory.file("session")
        let (tidying, working) = (try WorkerPool(threads: 3, queueMax: 3), try WorkerPool(threads: 3, queueMax: 3))
        let isOver = Atomic(false)
        let stolen = Atomic(0)
        for _ in 0..<3 {
            try tidying.submit {
                while !isOver.load(ordering: .relaxed) { try SessionLock.tryTake(path: path)?.release() }
            }
            try working.submit {
                for _ in 0..<(2000 * TestScale.factor) {
                    let session = try SessionLock.create(path: path)
                    let isOurs = try SessionLock.tryTake(path: path) == nil && Kernel.exists(path)
                    if !isOurs { stolen.add(1, ordering: .relaxed) }
                    session.release()
                }
            }
        }
        let outcome = Result { try working.wait() }
        isOver.store(true, ordering: .relaxed)
        try tidying.wait()
        try outcome.get()
        #expect(stolen.load(ordering: .relaxed) == 0)
    }

    @Test func aLockThatCannotBeAskedForIsAnError() throws {
        let file = try Kernel.open(directory.file("f"), [.readWrite, .create])
        #expect(try Kernel.tryRecordLock(file))
        try file.close()
        let failure = #expect(throws: IOError.self) { try Kernel.tryRecordLock(file) }
        #expect(failure?.errno == EBADF)
    }

    @Test func scratchFilesAreLockedOnce() throws {
        let (first, second) = (
            try Kernel.open(directory.file("f"), [.readWrite, .create]),
            try Kernel.open(directory.file("f"), .readWrite)
        )
        #expect(try Kernel.tryLock(first) && Kernel.tryLock(first))
        #expect(try !Kernel.tryLock(second))
        try first.close()
        #expect(try Kernel.tryLock(second))
    }
}
