import SnapCore

/// The JSON lines of this process: a status, then whatever there is.
enum JSONLines {
    // Written and read by the main thread alone.
    private nonisolated(unsafe) static var hasBegun = false
    // Set by the main thread before it writes the first line.
    /// Standard error for commands whose standard output is the data itself.
    nonisolated(unsafe) static var stream = TextStream.output

    /// Writes the first line, unless it was written.
    ///
    /// - Parameter command: nil when nobody knows which it was to be.
    static func begin(_ command: String?) throws(StoreError) {
        guard !hasBegun else { return }
        hasBegun = true
        try write(
            JSONLine(
                "status",
                [("schema", .integer(JSONLine.schema)), ("command", command.map { .text($0) } ?? .null)]))
    }

    static func write(_ line: JSONLine) throws(StoreError) { try stream.put(line.text + "\n") }
}

/// One line of `--json` output: a flat object with its `type` first.
struct JSONLine {
    enum Value {
        case text(String)
        case integer(Int64)
        case number(Double)
        case flag(Bool)
        case null
        case list([Value])
        case object([(String, Value)])
    }

    private let fields: [(String, Value)]

    init(_ type: String, _ fields: [(String, Value)]) {
        self.fields = [("type", .text(type))] + fields
    }

    /// Version of these lines; rises when a key changes its meaning.
    static let schema: Int64 = 1

    static func error(code: String, message: String, hint: String?) -> JSONLine {
        JSONLine(
            "error",
            [("code", .text(code)), ("message", .text(message)), ("hint", hint.map { .text($0) } ?? .null)])
    }

    var text: String { Self.render(.object(fields)) }

    private static func render(_ value: Value) -> String {
        switch value {
        case .text(let text): quote(text)
        case .integer(let number): String(number)
        case .number(let number): number.isFinite ? String(number) : "null"
        case .flag(let flag): flag ? "true" : "false"
        case .null: "null"
        case .list(let values): "[" + values.map(render).joined(separator: ",") + "]"
        case .object(let fields):
            "{" + fields.map { quote($0.0) + ":" + render($0.1) }.joined(separator: ",") + "}"
        }
    }

    private static func quote(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\t": result += "\\t"
            default:
                if scalar.value < 0x20 || scalar.value == 0x7f {
                    let digits = String(scalar.value, radix: 16)
                    result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
                } else {
                    result.unicodeScalars.append(scalar)
                }
            }
        }
        return result + "\""
    }
}
