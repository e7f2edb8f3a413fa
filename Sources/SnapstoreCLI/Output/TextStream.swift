import Glibc
import SnapIO

/// Standard output or error, written whole and unbuffered; a reader that went away is ignored on standard error and ends
/// the process on standard output, as for any tool in a pipe.
enum TextStream {
    case output
    case error

    private static let outputFile = Descriptor(owning: 1)
    private static let errorFile = Descriptor(owning: 2)

    func write(_ text: String) {
        write(Array(text.utf8))
    }

    func write(_ bytes: [UInt8]) {
        do {
            try bytes.withUnsafeBytes { try Kernel.writeAll(self == .output ? Self.outputFile : Self.errorFile, $0) }
        } catch {
            if self == .output { exit(ExitStatus.failed.rawValue) }
        }
    }

    /// Whether people see it as it comes.
    var isTerminal: Bool { isatty(self == .output ? 1 : 2) == 1 }
}
