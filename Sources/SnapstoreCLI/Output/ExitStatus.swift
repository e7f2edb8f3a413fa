import SnapCore
import SnapTransfer

/// What the process exits with; scripts rely on it.
enum ExitStatus: Int32, Error {
    case failed = 1
    case usage = 2
    /// Done, but something is not as asked: warnings name it.
    case warnings = 3
    case notFound = 4
    case notAllowed = 5
    case precondition = 6
    case quota = 7
    case corrupt = 8
    case busy = 9
    case interrupted = 130

    /// What the manual says of each.
    static let meanings: [(code: Int32, text: String)] = [
        (0, "done"), (1, "failed"), (2, "wrong usage"), (3, "done, with warnings"), (4, "not found"),
        (5, "not allowed"), (6, "precondition failed"), (7, "quota"), (8, "corrupt"), (9, "busy"),
        (130, "interrupted"),
    ]

    static func of(_ code: StoreError.Code) -> ExitStatus {
        switch code {
        case .notFound: .notFound
        case .notAllowed, .unauthorized: .notAllowed
        case .preconditionFailed: .precondition
        case .quotaExceeded: .quota
        case .corrupt, .incomplete: .corrupt
        case .busy, .rateLimited: .busy
        case .invalid: .usage
        case .interrupted: .interrupted
        default: .failed
        }
    }
}

/// Tells what went wrong.
enum Failure {
    /// - Parameter command: nil when the words could not be parsed.
    static func report(_ error: StoreError, asJSON: Bool, command: String?) {
        if asJSON {
            // When even this cannot be written, standard error still says it.
            try? JSONLines.begin(command)
            try? JSONLines.write(.error(code: error.code.rawValue, message: error.message, hint: error.hint))
            if JSONLines.stream == .error { return }
        }
        TextStream.error.write("snapstore: \(RawText.printable(error.message))\n")
        if let hint = error.hint { TextStream.error.write("\(RawText.printable(hint))\n") }
    }
}
