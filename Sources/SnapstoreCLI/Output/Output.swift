import SnapCore
import SnapModel
import SnapTrees

/// What one command says: lines for people, or JSON lines that begin with a status and end with a summary.
final class Output {
    let isJSON: Bool
    private let isQuiet: Bool
    private(set) var hasWarned = false
    /// A line that could not be written; thrown with the next one that may throw.
    private var failure: StoreError?

    init(_ options: GlobalOptions) {
        isJSON = options.json
        isQuiet = options.quiet
    }

    /// The first JSON line.
    func status(_ command: String) {
        guard isJSON else { return }
        attempt { () throws(StoreError) in try JSONLines.begin(command) }
    }

    /// A line for people.
    func line(_ text: String) {
        guard !isJSON, !isQuiet else { return }
        attempt { () throws(StoreError) in try TextStream.output.put(RawText.printable(text) + "\n") }
    }

    /// What was asked for: shown also with `--quiet`.
    ///
    /// - Throws: ``StoreError`` when standard output takes no more, which ends the command.
    func item(_ text: @autoclosure () -> String, _ fields: @autoclosure () -> [(String, JSONLine.Value)])
        throws(StoreError)
    {
        if let failure { throw failure }
        if isJSON {
            try JSONLines.write(JSONLine("item", fields()))
        } else {
            try TextStream.output.put(text() + "\n")
        }
    }

    /// Something that is not as asked; the command exits with 3.
    func warn(code: String, _ message: String, path: [UInt8]? = nil) {
        hasWarned = true
        guard isJSON else { return TextStream.error.write("warning: \(RawText.printable(message))\n") }
        var fields: [(String, JSONLine.Value)] = [("code", .text(code)), ("message", .text(message))]
        if let path { fields.append(("path", .text(escaped(path)))) }
        attempt { () throws(StoreError) in try JSONLines.write(JSONLine("warning", fields)) }
    }

    func warn(_ warnings: WarningList) {
        for warning in warnings.kept { warn(code: warning.code.rawValue, warning.message, path: warning.path) }
        if warnings.dropped > 0 { warn(code: "more", "\(warnings.dropped) more warnings are not shown.") }
    }

    /// Said on standard error, whatever the format: what is being waited for, and what else to know.
    func note(_ text: String) {
        guard !isQuiet, !isJSON else { return }
        TextStream.error.write(RawText.printable(text) + "\n")
    }

    /// The last line. Ends with exit 3 after warnings.
    func summary(_ text: String, _ fields: [(String, JSONLine.Value)]) throws {
        if !isJSON, !text.isEmpty { line(text) }
        if let failure { throw failure }
        if isJSON { try JSONLines.write(JSONLine("summary", fields)) }
        if hasWarned { throw ExitStatus.warnings }
    }

    private func attempt(_ body: () throws(StoreError) -> Void) {
        guard failure == nil else { return }
        do throws(StoreError) { try body() } catch { failure = error }
    }
}
