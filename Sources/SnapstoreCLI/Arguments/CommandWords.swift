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
        while let word = rest.first, let count = globalOptionWords(word) {
            moved += rest.prefix(count)
            rest = rest.dropFirst(count)
        }
        guard let command = rest.first else {
            guard moved.isEmpty else {
                throw StoreError(.invalid, "No command was given.", hint: "See them with `snapstore --help`.")
            }
            return []
        }
        // Of --help and --version the parser takes care.
        if command.hasPrefix("-") { return Array(rest) }
        guard names.contains(command) else { throw unknown(command) }
        if command == "help" {
            if let topic = rest.dropFirst().first, !names.contains(topic), !topic.hasPrefix("-") {
                throw unknown(topic)
            }
            return Array(rest)
        }
        return [command] + moved + rest.dropFirst()
    }

    /// How many words an option that every command takes is; nil for any other word.
    private static func globalOptionWords(_ word: String) -> Int? {
        switch word {
        case "--store": 2
        case "--json", "--quiet", "-q": 1
        default: word.hasPrefix("--store=") ? 1 : nil
        }
    }

    private static func unknown(_ word: String) -> StoreError {
        let nearest = Nearest.to(word, among: names)
        return StoreError(
            .invalid, "There is no command `\(escaped(RawText.bytes(of: word)))`.",
            hint: nearest.map { "Did you mean `snapstore \($0)`?" } ?? "See them with `snapstore --help`.")
    }

    /// Commands and their other names.
    private static let names: [String] =
        Snapstore.configuration.subcommands.flatMap { command in
            let configuration = command.configuration
            return [configuration.commandName ?? "\(command)".lowercased()] + configuration.aliases
        } + ["help"]

    /// Whether JSON lines are asked for, where the words could not be parsed.
    static func wantJSON(_ arguments: [String]) -> Bool {
        arguments.prefix { $0 != "--" }.contains("--json")
    }
}
