import ArgumentParser
import SnapCore
import Snapstore

struct Completions: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "completions",
        abstract: "Write the script by which a shell completes commands.",
        discussion: """
            Examples:
              snapstore completions bash >snapstore.bash
              snapstore completions zsh >_snapstore
              snapstore completions fish >snapstore.fish

            bash: in ~/.local/share/bash-completion/completions as snapstore, or sourced by ~/.bashrc. zsh: in a \
            directory of $fpath as _snapstore. fish: in ~/.config/fish/completions as snapstore.fish. Snapshots are \
            looked up in the store of the command line, or the default one.
            """)

    @OptionGroup var global: GlobalOptions
    @Argument(help: "bash, zsh or fish.", completion: .list(CompletionShell.allCases.map(\.rawValue)))
    var shell: String

    func run() throws {
        let output = Output(global)
        output.status(Self.name)
        let shells = CompletionShell.allCases.map(\.rawValue).sorted()
        guard let shell = CompletionShell(rawValue: shell) else {
            throw StoreError(
                .invalid, "`\(RawText.printable(shell))` is no shell that completions are made for.",
                hint: Nearest.to(shell, among: shells).map { "Did you mean `\($0)`?" }
                    ?? "There are: \(shells.joined(separator: ", ")).")
        }
        var script = Snapstore.completionScript(for: shell)
        if shell == .bash { script = Self.joiningColons(script) }
        if !script.hasSuffix("\n") { script += "\n" }
        try TextStream.output.put(script)
        try output.summary("", [("bytes", .integer(Int64(script.utf8.count)))])
    }

    /// bash ends words at colons, and a reference is one word: joins them before they are completed, and takes from what
    /// is found the part that bash has already.
    private static func joiningColons(_ script: String) -> String {
        let generated = "complete -o filenames -F _snapstore snapstore"
        guard script.contains(generated) else { return script }
        return script.replacing(
            generated,
            with: #"""
                _snapstore_references() {
                    local -a words=()
                    local -i position=0 i
                    local glue=
                    for ((i = 0; i < ${#COMP_WORDS[@]}; i++)); do
                        if [[ -n ${glue} || (${COMP_WORDS[i]} == :* && i -gt 1) ]]; then
                            words[${#words[@]} - 1]+=${COMP_WORDS[i]}
                        else
                            words+=("${COMP_WORDS[i]}")
                        fi
                        glue=
                        if [[ ${COMP_WORDS[i]} == *: ]]; then glue=1; fi
                        if ((i == COMP_CWORD)); then position=${#words[@]}-1; fi
                    done
                    local -a COMP_WORDS=("${words[@]}")
                    local -i COMP_CWORD=position
                    local word=${COMP_WORDS[position]}
                    _snapstore "${1}" "${word}" "${COMP_WORDS[position - 1]}"
                    if [[ ${COMPREPLY[*]} == *:* ]]; then compopt +o filenames 2>/dev/null; fi
                    if [[ ${word} == *:* && ${COMP_WORDBREAKS} == *:* ]]; then
                        COMPREPLY=("${COMPREPLY[@]#"${word%"${word##*:}"}"}")
                    fi
                }

                complete -o filenames -F _snapstore_references snapstore
                """#)
    }
}

extension Completions: StoreCommand {
    static var name: String { "completions" }
    var writesData: Bool { true }
}
