import SnapCore
import SnapModel
import SnapTrees

/// What one command says: lines for people, or JSON lines that begin with a status and end with a summary.
final class Output {
    let isJSON: Bool
    private let isQuiet: Bool
    private var hasBegun = false
    private(set) var hasWarned = false

    init(_ options: GlobalOptions) {
        isJSON = options.json
        isQuiet = options.quiet
    }

    /// The first JSON line; later calls say what phase begins.
    func status(_ command: String) {
        guard isJSON, !hasBegun else { return }
        hasBegun = true
        JSONLine("status", [("schema", .integer(JSONLine.schema)), ("command", .text(command))]).write(to: .output)
    }

    /// A line for people.
    func line(_ text: String) {
        guard !isJSON, !isQuiet else { return }
        TextStream.output.write(text + "\n")
    }

    /// What was asked for: shown also with `--quiet`.
    func item(_ text: @autoclosure () -> String, _ fields: @autoclosure () -> [(String, JSONLine.Value)]) {
        if isJSON {
            JSONLine("item", fields()).write(to: .output)
        } else {
            TextStream.output.write(text() + "\n")
        }
    }

    /// Something that is not as asked; the command exits with 3.
    func warn(code: String, _ message: String, path: [UInt8]? = nil) {
        hasWarned = true
        if isJSON {
            var fields: [(String, JSONLine.Value)] = [("code", .text(code)), ("message", .text(message))]
            if let path { fields.append(("path", .text(escaped(path)))) }
            JSONLine("warning", fields).write(to: .output)
        } else {
            TextStream.error.write("warning: \(message)\n")
        }
    }

    func warn(_ warnings: WarningList) {
        for warning in warnings.kept { warn(code: warning.code.rawValue, warning.message, path: warning.path) }
        if warnings.dropped > 0 { warn(code: "more", "\(warnings.dropped) more warnings are not shown.") }
    }

    /// Said on standard error, whatever the format: what is being waited for, and what else to know.
    func note(_ text: String) {
        guard !isQuiet, !isJSON else { return }
        TextStream.error.write(text + "\n")
    }

    /// The last line. Ends with exit 3 after warnings.
    func summary(_ text: String, _ fields: [(String, JSONLine.Value)]) throws {
        if isJSON {
            JSONLine("summary", fields).write(to: .output)
        } else if !text.isEmpty {
            line(text)
        }
        if hasWarned { throw ExitStatus.warnings }
    }
}
