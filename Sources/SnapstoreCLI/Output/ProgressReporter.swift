import Glibc
import SnapIO
import SnapTrees

/// Shows how far a job is, on standard error: one line that rewrites itself on a terminal, a line every ten seconds
/// otherwise; and lets signals cancel it. Its thread reads counters; the job never waits for it.
final class ProgressReporter: Sendable {
    private let progress: Progress
    private let state = Monitor((isStopped: false, hasEnded: false))
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
            state.withLock { $0.hasEnded = true }
        }
    }

    /// Takes the line away again. From now on a signal ends the process at once.
    func stop() {
        Interrupts.cancel(nil)
        guard isShown else { return }
        state.change { $0.isStopped = true }
        state.wait { $0.hasEnded ? () : nil }
    }

    private func show() {
        let isTerminal = TextStream.error.isTerminal
        let start = Kernel.bootNanoseconds()
        // Quick jobs show nothing.
        var next: Int64 = isTerminal ? 300_000_000 : 10_000_000_000
        var hasShown = false
        while true {
            let left = start + next - Kernel.bootNanoseconds()
            if state.wait(nanoseconds: left, for: { $0.isStopped ? true : nil }) != nil { break }
            let elapsed = Kernel.bootNanoseconds() - start
            next = elapsed + (isTerminal ? 200_000_000 : 10_000_000_000)
            let text = line(seconds: Double(elapsed) / 1e9)
            // A line that is broken in two cannot be taken back.
            let room = TextStream.error.columns - 1
            TextStream.error.write(isTerminal ? "\r\u{1b}[K" + text.prefix(room) : text + "\n")
            hasShown = true
        }
        if isTerminal, hasShown { TextStream.error.write("\r\u{1b}[K") }
        state.change { $0.hasEnded = true }
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
