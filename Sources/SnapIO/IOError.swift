internal import Glibc

/// A failed system call: which, on what, and what to do about it.
package struct IOError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kernel's error number.
    package let errno: CInt
    /// What was tried, for example `open`.
    package let operation: String
    /// On what, escaped for people; may be empty.
    package let path: String

    package init(errno: CInt, operation: String, path: String) {
        self.init(errno: errno, operation: operation, path: Array(path.utf8))
    }

    package init(errno: CInt, operation: String, path: [UInt8]) {
        self.errno = errno
        self.operation = operation
        self.path = IOError.printable(path)
    }

    package var isNotFound: Bool { errno == ENOENT || errno == ENOTDIR }
    package var isPermission: Bool { errno == EACCES || errno == EPERM }
    package var isOutOfSpace: Bool { errno == ENOSPC || errno == EDQUOT }
    package var isReadOnly: Bool { errno == EROFS }
    /// The medium does not give back what was written to it; trying again rarely helps.
    package var isMediaFailure: Bool { [EIO, EUCLEAN, EBADMSG, ENODATA, EREMOTEIO].contains(errno) }
    package var isTimeout: Bool { errno == ETIMEDOUT }
    package var isExisting: Bool { errno == EEXIST || errno == ENOTEMPTY }

    package var description: String {
        let subject = path.isEmpty ? operation : "\(operation) \(path)"
        let reason = String(cString: strerror(errno))
        return remedy.map { "\(subject): \(reason). \($0)" } ?? "\(subject): \(reason)."
    }

    /// What helps, where something general does.
    package var remedy: String? {
        switch errno {
        case ENOSPC, EDQUOT: "Free space on that file system, then try again."
        case EACCES, EPERM: "Run as a user who may do this."
        case EMFILE: "Raise the limit of open files (`ulimit -n`)."
        case ENFILE: "The machine has too many files open: close some."
        case EROFS: "The file system is mounted read-only."
        case EIO: "The disk failed: look at the kernel's log (`dmesg`)."
        case ETIMEDOUT: "Another process holds it: try again."
        case ESTALE: "The network file system lost it: mount it again."
        default: nil
        }
    }

    /// Bytes as text that is safe on a terminal: as `escaped` of the model writes them, which lies above this layer.
    private static func printable(_ bytes: [UInt8]) -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            return bytes.map { isPlain($0) ? String(UnicodeScalar($0)) : hexEscape($0) }.joined()
        }
        return text.unicodeScalars.map { scalar in
            switch scalar.properties.generalCategory {
            case _ where scalar == "\\": "\\\\"
            case _ where scalar.isASCII: isPlain(UInt8(scalar.value)) ? String(scalar) : hexEscape(UInt8(scalar.value))
            case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .unassigned, .privateUse:
                "\\u{" + String(scalar.value, radix: 16) + "}"
            default: String(scalar)
            }
        }.joined()
    }

    private static func isPlain(_ byte: UInt8) -> Bool { byte >= 0x20 && byte < 0x7f && byte != 0x5c }

    private static func hexEscape(_ byte: UInt8) -> String {
        "\\x" + String(byte >> 4, radix: 16) + String(byte & 15, radix: 16)
    }
}
