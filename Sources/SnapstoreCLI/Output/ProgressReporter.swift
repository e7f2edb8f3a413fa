import Glibc
import SnapIO
import SnapTrees
import Synchronization

/// Shows how far a job is, on standard error: one line that rewrites itself on a terminal, a line every ten seconds
/// otherwise; and lets signals cancel it. Its thread reads counters; the job never waits for it.
final class ProgressReporter: Sendable {
    private let progress: Progress
    private let isStopped = Atomic<Bool>(false)
    private let hasEnded = Atomic<Bool>(false)
    private let isShown: Bool

    init(_ progress: Progress, _ options: GlobalOptions) {
        self.progress = progress
        isShown = !options.quiet && !options.json && Settings.showsProgress
        Interrupts.cancel(progress)
        guard isShown else { return }
        let reporter = Unmanaged.passRetained(self)
        var thread = pthread_t()
        let code = pthread_create(
            &thread, nil,
            { pointer in
                guard let pointer else { return nil }
                Unmanaged<ProgressReporter>.fromOpaque(pointer).takeRetainedValue().show()
                return nil
            }, reporter.toOpaque())
        if code == 0 {
            pthread_detach(thread)
        } else {
            reporter.release()
            hasEnded.store(true, ordering: .releasing)
        }
    }

    /// Takes the line away again. From now on a signal ends the process at once.
    func stop() {
        Interrupts.cancel(nil)
        guard isShown else { return }
        isStopped.store(true, ordering: .releasing)
        while !hasEnded.load(ordering: .acquiring) { usleep(1_000) }
    }

    private func show() {
        let isTerminal = TextStream.error.isTerminal
        let start = Kernel.bootNanoseconds()
        // Quick jobs show nothing.
        var next: Int64 = isTerminal ? 300_000_000 : 10_000_000_000
        var hasShown = false
        while !isStopped.load(ordering: .acquiring) {
            usleep(20_000)
            let elapsed = Kernel.bootNanoseconds() - start
            guard elapsed >= next else { continue }
            next = elapsed + (isTerminal ? 200_000_000 : 10_000_000_000)
            let text = line(seconds: Double(elapsed) / 1e9)
            // A line that is broken in two cannot be taken back.
            let room = TextStream.error.columns - 1
            TextStream.error.write(isTerminal ? "\r\u{1b}[K" + text.prefix(room) : text + "\n")
            hasShown = true
        }
        if isTerminal, hasShown { TextStream.error.write("\r\u{1b}[K") }
        hasEnded.store(true, ordering: .releasing)
    }

    private func line(seconds: Double) -> String {
        let bytes = progress.bytes
        let rate = Format.whole(Double(bytes) / max(seconds, 0.001))
        var text = "\(progress.phase): \(Format.count(Int64(clamping: progress.entries), "item"))"
        text += ", \(Format.bytes(Int64(clamping: bytes)))"
        let total = progress.bytesTotal
        if total > 0 { text += " of \(Format.bytes(Int64(clamping: total)))" }
        text += ", \(Format.bytes(rate))/s"
        if total > bytes, rate > 0, progress.phase != .done {
            text += ", \(Format.seconds(Double(total - bytes) / Double(rate))) left"
        }
        return text
    }
}
