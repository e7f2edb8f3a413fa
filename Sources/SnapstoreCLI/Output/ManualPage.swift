import ArgumentParser

/// What the parser says of its commands (its `--experimental-dump-help`), as far as pages need it.
struct ParserDump: Decodable {
    let command: Command

    struct Command: Decodable {
        let commandName: String
        let abstract: String?
        let discussion: String?
        let aliases: [String]?
        let defaultSubcommand: String?
        let subcommands: [Command]?
        let arguments: [Argument]?
    }

    struct Argument: Decodable {
        struct Name: Decodable {
            let kind: String
            let name: String

            var text: String { kind == "long" ? "--\(name)" : "-\(name)" }
        }

        let kind: String
        let shouldDisplay: Bool
        let isOptional: Bool
        let isRepeating: Bool
        let names: [Name]?
        let valueName: String?
        let defaultValue: String?
        let abstract: String?
    }
}

/// A page of section 1, in the language of groff's man macros.
struct ManualPage {
    /// The words that begin the command.
    let command: [String]
    let roff: String

    var name: String { command.joined(separator: "-") }
}

extension ParserDump.Command {
    /// The pages of this command and of those below it.
    func pages(above: [String]) -> [ManualPage] {
        let command = above + [commandName]
        let subcommands = (subcommands ?? []).filter { $0.commandName != "help" }
        return [ManualPage(command: command, roff: page(command, subcommands))]
            + subcommands.flatMap { $0.pages(above: command) }
    }

    private func page(_ command: [String], _ subcommands: [ParserDump.Command]) -> String {
        let name = command.joined(separator: "-")
        let version = Snapstore.configuration.version
        var roff = Roff()
        roff.macro("TH", [name.uppercased(), "1", "", "snapstore \(version)", "Snapstore"])
        roff.heading("NAME")
        roff.raw("\(Roff.escaped(name)) \\- \(Roff.escaped(withoutStop(abstract ?? "")))")
        roff.heading("SYNOPSIS")
        synopsis(command, subcommands, &roff)
        let (text, examples) = Self.split(discussion ?? "")
        roff.heading("DESCRIPTION")
        roff.paragraph(abstract ?? "")
        for paragraph in text { roff.paragraph(paragraph) }
        if let aliases, !aliases.isEmpty {
            roff.paragraph("Other names of the command: \(aliases.joined(separator: ", ")).")
        }
        let arguments = (arguments ?? []).filter(\.shouldDisplay)
        list("ARGUMENTS", arguments.filter { $0.kind == "positional" }, &roff)
        list("OPTIONS", arguments.filter { $0.kind != "positional" }, &roff)
        if !subcommands.isEmpty {
            roff.heading("COMMANDS")
            for subcommand in subcommands {
                roff.item("\\fB\(Roff.escaped((command + [subcommand.commandName]).joined(separator: "-")))\\fR(1)")
                roff.raw(Roff.escaped(subcommand.abstract ?? ""))
            }
        }
        if !examples.isEmpty {
            roff.heading("EXAMPLES")
            roff.example(examples)
        }
        if command.count == 1 { ManualPage.common(&roff) }
        roff.heading("SEE ALSO")
        roff.raw(command.count == 1 ? "docs/cli.md of the source" : "\\fBsnapstore\\fR(1)")
        return roff.text
    }

    private func synopsis(_ command: [String], _ subcommands: [ParserDump.Command], _ roff: inout Roff) {
        var parts = ["\\fB\(Roff.escaped(command.joined(separator: " ")))\\fR"]
        for argument in (arguments ?? []) where argument.shouldDisplay { parts.append(argument.usage) }
        if !subcommands.isEmpty { parts.append(defaultSubcommand == nil ? "\\fIcommand\\fR" : "[\\fIcommand\\fR]") }
        roff.raw(parts.joined(separator: "\n"))
    }

    private func list(_ heading: String, _ arguments: [ParserDump.Argument], _ roff: inout Roff) {
        guard !arguments.isEmpty else { return }
        roff.heading(heading)
        for argument in arguments {
            roff.item(argument.term)
            let value = argument.defaultValue.map { " (default: \($0))" } ?? ""
            roff.raw(Roff.escaped((argument.abstract ?? "") + value))
        }
    }

    private func withoutStop(_ text: String) -> String { text.hasSuffix(".") ? String(text.dropLast()) : text }

    /// The paragraphs of a discussion, and the lines of its examples.
    private static func split(_ discussion: String) -> (paragraphs: [String], examples: [String]) {
        var paragraphs: [String] = []
        var examples: [String] = []
        for block in discussion.split(separator: "\n\n") {
            let lines = block.split(separator: "\n").map(String.init)
            if lines.first == "Examples:" {
                examples += lines.dropFirst().map { String($0.drop { $0 == " " }) }
            } else {
                paragraphs += lines.contains { $0.hasPrefix("  ") } ? lines : [lines.joined(separator: " ")]
            }
        }
        return (paragraphs, examples)
    }
}

extension ParserDump.Argument {
    private var value: String { "\\fI\(Roff.escaped(valueName ?? "value"))\\fR" }

    /// As the synopsis has it.
    fileprivate var usage: String {
        let name = names?.max { $0.name.count < $1.name.count }
        var text =
            switch kind {
            case "positional": value
            case "flag": "\\fB\(Roff.escaped(name?.text ?? ""))\\fR"
            default: "\\fB\(Roff.escaped(name?.text ?? ""))\\fR \(value)"
            }
        if isOptional { text = "[\(text)]" }
        return isRepeating ? text + "\\&...\\&" : text
    }

    /// As the list has it.
    fileprivate var term: String {
        guard kind != "positional" else { return value }
        let all = (names ?? []).map { "\\fB\(Roff.escaped($0.text))\\fR" }.joined(separator: ", ")
        return kind == "flag" ? all : "\(all) \(value)"
    }
}

extension ManualPage {
    /// What holds for every command.
    fileprivate static func common(_ roff: inout Roff) {
        roff.heading("EXIT STATUS")
        for (code, meaning) in ExitStatus.meanings {
            roff.item("\\fB\(code)\\fR")
            roff.raw(Roff.escaped(meaning))
        }
        roff.heading("ENVIRONMENT")
        for setting in Setting.allCases {
            roff.item("\\fB\(Roff.escaped(setting.variable))\\fR")
            roff.raw(Roff.escaped("\(setting.summary) (in the file: \(setting.rawValue))"))
        }
        roff.item("\\fBSNAPSTORE_CONFIG\\fR")
        roff.raw("the configuration file")
        roff.heading("FILES")
        roff.item("\\fI\(Roff.escaped("~/.config/snapstore/config"))\\fR")
        roff.raw(Roff.escaped("lines of `key = value`; see snapstore-config(1)"))
        roff.item("\\fI\(Roff.escaped("~/.local/share/snapstore"))\\fR")
        roff.raw("the store")
    }
}

/// Text for groff, in which nothing of what is quoted means anything to it.
private struct Roff {
    private(set) var text = ""

    mutating func raw(_ line: String) { text += line + "\n" }
    mutating func macro(_ name: String, _ arguments: [String] = []) {
        raw("." + ([name] + arguments.map { "\"\(Self.escaped($0))\"" }).joined(separator: " "))
    }
    mutating func heading(_ title: String) { macro("SH", [title]) }
    mutating func paragraph(_ text: String) {
        guard !text.isEmpty else { return }
        macro("PP")
        raw(Self.escaped(text))
    }
    /// What follows is said of `term`, which is roff already.
    mutating func item(_ term: String) {
        macro("TP")
        raw(term)
    }
    mutating func example(_ lines: [String]) {
        macro("PP")
        macro("nf")
        macro("RS", ["4"])
        for line in lines { raw(Self.escaped(line)) }
        macro("RE")
        macro("fi")
    }

    static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": result += "\\(rs"
            case "-": result += "\\-"
            case "'": result += "\\(aq"
            case "`": result += "\\(ga"
            case "^": result += "\\(ha"
            case "~": result += "\\(ti"
            case "\"": result += "\\(dq"
            case ".": result += result.isEmpty ? "\\&." : "."
            case "\n": result += " "
            default:
                if scalar.isASCII {
                    result.unicodeScalars.append(scalar)
                } else {
                    let digits = String(scalar.value, radix: 16, uppercase: true)
                    result += "\\[u" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits + "]"
                }
            }
        }
        return result
    }
}
