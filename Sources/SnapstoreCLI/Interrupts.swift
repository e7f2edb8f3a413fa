import Glibc
import SnapIO
import SnapTrees
import Synchronization

/// SIGINT and SIGTERM: the first asks the job to stop at its next entry or piece, so that it cleans up and says so; the
/// second, or the first where there is no job, ends the process at once, which the store survives as it does `kill -9`.
///
/// The signals are blocked in every thread and taken by one of ours with sigwait(3): nothing runs in a handler.
enum Interrupts {
    private static let action = Mutex<(@Sendable () -> Void)?>(nil)

    /// Call it before any other thread is started: threads inherit the blocked signals.
    static func start() {
        var signals = signals()
        pthread_sigmask(SIG_BLOCK, &signals, nil)
        var thread = pthread_t()
        let code = pthread_create(
            &thread, nil,
            { _ in
                Interrupts.wait()
                return nil
            }, nil)
        if code == 0 {
            pthread_detach(thread)
        } else {
            pthread_sigmask(SIG_UNBLOCK, &signals, nil)
        }
    }

    /// From now on a signal cancels this job; nil: there is none.
    static func cancel(_ progress: Progress?) {
        guard let progress else { return call(nil) }
        call { progress.cancel() }
    }

    /// From now on the first signal calls this.
    static func call(_ body: (@Sendable () -> Void)?) {
        action.withLock { $0 = body }
    }

    /// What the parent ignores stays ignored, as with nohup.
    private static func signals() -> sigset_t {
        var signals = sigset_t()
        sigemptyset(&signals)
        for number in [SIGINT, SIGTERM] where !isIgnored(number) { sigaddset(&signals, number) }
        return signals
    }

    private static func isIgnored(_ number: CInt) -> Bool {
        var action = sigaction()
        guard sigaction(number, nil, &action) == 0 else { return false }
        return unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self)
            == unsafeBitCast(SIG_IGN, to: Int.self)
    }

    private static func wait() {
        var signals = signals()
        var isFirst = true
        while true {
            var number: CInt = 0
            guard sigwait(&signals, &number) == 0 else { continue }
            let action = action.withLock { $0 }
            if isFirst, let action {
                isFirst = false
                action()
            } else {
                TextStream.error.write("snapstore: Interrupted.\n")
                _exit(ExitStatus.interrupted.rawValue)
            }
        }
    }
}

extension Progress {
    /// Reads what comes next from a pipe or file, and looks whether the job is to end while nothing comes.
    ///
    /// - Returns: The bytes read; 0 at the end.
    func readNext(_ file: Descriptor, into room: UnsafeMutableRawBufferPointer) throws -> Int {
        repeat { try check() } while try !Kernel.waitUntilReadable(file, milliseconds: 100)
        return try Kernel.readSome(file, into: room)
    }
}
