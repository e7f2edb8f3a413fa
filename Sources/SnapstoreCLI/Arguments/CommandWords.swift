import ArgumentParser
import SnapCore
import SnapModel
import Snapstore

/// What the parser does not do with the words of the command line.
enum CommandWords {
    /// Puts options that every command takes behind the command: `snapstore --store PATH list`.
    ///
    /// - Throws: ``StoreError/Code/invalid`` for a word that is no command, with the one that was perhaps meant.
    static func arranged(_ arguments: [String]) throws(StoreError) -> [String] {
        var rest = arguments[...]
        var moved: [String] = []
        var command: [String] = []
        var type: any ParsableCommand.Type = Snapstore.self
        while !type.configuration.subcommands.isEmpty {
            while let word = rest.first, let count = globalOptionWords(word) {
                moved += rest.prefix(count)
                rest = rest.dropFirst(count)
            }
            if let usual = type.configuration.defaultSubcommand, rest.first.map(isOption) ?? true {
                return command + [usual.names[0]] + moved + rest
            }
            guard let word = rest.first else {
                guard moved.isEmpty else {
                    throw StoreError(
                        .invalid, "No command was given.", hint: "See them with `\(spelled(command + ["--help"]))`.")
                }
                return command
            }
            // Of --help and --version the parser takes care.
            if word.hasPrefix("-") { return command + rest }
            if word == "help", command.isEmpty {
                try checkTopic(rest.dropFirst())
                return Array(rest)
            }
            type = try subcommand(word, of: type, command)
            command.append(word)
            rest = rest.dropFirst()
        }
        return command + moved + rest
    }

    /// Whether a word is an option of a command, and not one that the parser answers by itself.
    private static func isOption(_ word: String) -> Bool {
        word.hasPrefix("-") && !["-h", "--help", "--version", "-help"].contains(word)
    }

    /// The words behind `help`.
    private static func checkTopic(_ words: ArraySlice<String>) throws(StoreError) {
        var type: any ParsableCommand.Type = Snapstore.self
        var command: [String] = []
        for word in words where !word.hasPrefix("-") && word != "help" && !type.configuration.subcommands.isEmpty {
            type = try subcommand(word, of: type, command)
            command.append(word)
        }
    }

    private static func subcommand(_ word: String, of type: any ParsableCommand.Type, _ command: [String])
        throws(StoreError) -> any ParsableCommand.Type
    {
        if let found = type.configuration.subcommands.first(where: { $0.names.contains(word) }) { return found }
        let names = type.configuration.subcommands.flatMap { $0.names } + (command.isEmpty ? ["help"] : [])
        let place = command.isEmpty ? "no command" : "no `\(spelled(command))` command"
        throw StoreError(
            .invalid, "There is \(place) `\(escaped(RawText.bytes(of: word)))`.",
            hint: Nearest.to(word, among: names).map { "Did you mean `\(spelled(command + [$0]))`?" }
                ?? "See them with `\(spelled(command + ["--help"]))`.")
    }

    private static func spelled(_ words: [String]) -> String { (["snapstore"] + words).joined(separator: " ") }

    /// How many words an option that every command takes is; nil for any other word.
    private static func globalOptionWords(_ word: String) -> Int? {
        switch word {
        case "--store": 2
        case "--json", "--quiet", "-q": 1
        default: word.hasPrefix("--store=") ? 1 : nil
        }
    }

    /// Whether JSON lines are asked for, where the words could not be parsed.
    static func wantJSON(_ arguments: [String]) -> Bool {
        arguments.prefix { $0 != "--" }.contains("--json")
    }
}

extension ParsableCommand {
    /// The command's name, and its others.
    static var names: [String] {
        [configuration.commandName ?? "\(Self.self)".lowercased()] + configuration.aliases
    }
}
