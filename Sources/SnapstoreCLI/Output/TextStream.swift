import Glibc
import SnapCore
import SnapIO

/// Standard output or error, written whole and unbuffered.
enum TextStream {
    case output
    case error

    private static let outputFile = Descriptor(owning: 1)
    private static let errorFile = Descriptor(owning: 2)

    /// Whether the reader of standard output went away, as `head` does: the process ends then as any tool in a pipe.
    // Written and read by the main thread alone.
    private(set) nonisolated(unsafe) static var isReaderGone = false

    func write(_ text: String) { try? put(Array(text.utf8)) }

    /// - Throws: ``StoreError`` when standard output does not take the bytes; on standard error nobody could be told.
    func put(_ text: String) throws(StoreError) { try put(Array(text.utf8)) }

    func put(_ bytes: [UInt8]) throws(StoreError) {
        var failure: IOError?
        bytes.withUnsafeBytes { buffer in
            do throws(IOError) {
                try Kernel.writeAll(self == .output ? Self.outputFile : Self.errorFile, buffer)
            } catch { failure = error }
        }
        guard self == .output, let failure else { return }
        if failure.errno == EPIPE { Self.isReaderGone = true }
        throw StoreError(.io, "Standard output cannot be written to: \(String(cString: strerror(failure.errno))).")
    }

    /// Whether people see it as it comes.
    var isTerminal: Bool { isatty(number) == 1 }

    /// Columns of the terminal; 80 where it does not tell.
    var columns: Int {
        var size = winsize()
        guard ioctl(number, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }

    private var number: CInt { self == .output ? 1 : 2 }

    /// Makes sure that the three standard streams are open, so that no file of the store becomes one of them. One that
    /// was closed fails when it is used.
    static func secure() {
        for number in 0...2 as ClosedRange<CInt> where fcntl(number, F_GETFD) < 0 && errno == EBADF {
            // The lowest free number is this one.
            _ = open("/dev/null", number == 0 ? O_WRONLY : O_RDONLY)
        }
    }
}
