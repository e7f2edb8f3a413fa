import Foundation
import SnapIO
import TestSupport
import Testing

/// `completions` and `man`: what shells and `man` make of them.
@Suite struct ShellHelpTests {
    /// What bash offers for the last of the words, split as bash splits them.
    private func offered(_ bench: CommandBench, _ words: String..., line: String? = nil) throws -> [String] {
        let text = line ?? words.joined(separator: " ")
        let quoted = words.map { "'\($0)'" }.joined(separator: " ")
        let script = """
            . ./script; COMP_WORDS=(\(quoted)); COMP_CWORD=\(words.count - 1); COMP_LINE='\(text)'; COMP_POINT=\(text.count)
            cur=${COMP_WORDS[COMP_CWORD]}; [[ $cur == : ]] && cur=
            _snapstore_references snapstore "$cur" "${COMP_WORDS[COMP_CWORD - 1]}"; printf '%s\\n' "${COMPREPLY[@]}"
            """
        return try bench.done(script).split(separator: "\n").map { String($0).trimmingCharacters(in: .whitespaces) }
            .sorted()
    }

    @Test func bashCompletesCommandsOptionsAndSnapshots() throws {
        let bench = try CommandBench()
        try bench.done(
            """
            snapstore create root tools:1 -q; snapstore tag tools:1 tools:stable -q; snapstore create root/etc tool:x -q
            snapstore completions bash >script
            """)
        #expect(try bench.done(". ./script; complete -p snapstore").contains("-F _snapstore_references snapstore"))
        #expect(try offered(bench, "snapstore", "und") == ["undelete"])
        #expect(try offered(bench, "snapstore", "store", "b") == ["backup"])
        #expect(try offered(bench, "snapstore", "gc", "--dr") == ["--dry-run"])
        #expect(try offered(bench, "snapstore", "config", "get", "g") == ["gc.grace"])
        #expect(try offered(bench, "snapstore", "completions", "f") == ["fish"])
        #expect(try offered(bench, "snapstore", "get", "to") == ["tool:x", "tools:1", "tools:stable"])
        // Behind a colon bash has a word of its own.
        #expect(try offered(bench, "snapstore", "get", "tools", ":", line: "snapstore get tools:") == ["1", "stable"])
        #expect(try offered(bench, "snapstore", "get", "tools", ":", "s", line: "snapstore get tools:s") == ["stable"])
        #expect(try offered(bench, "snapstore", "restore", "x") == [])
        // The second argument of diff, too, is reached.
        try bench.done("mkdir here")
        #expect(
            try offered(bench, "snapstore", "diff", "tools", ":", "1", "he", line: "snapstore diff tools:1 he") == [
                "here"
            ])
        #expect(try offered(bench, "snapstore", "undelete", "t") == [])
        try bench.done("snapstore delete tool:x -q")
        #expect(try offered(bench, "snapstore", "undelete", "t") == ["tool:x"])
        // Of a store that is named on the line; nothing, and no error, where there is none.
        #expect(try offered(bench, "snapstore", "get", "--store", "nowhere", "t") == [])
        try bench.done("snapstore create root other:1 --store s2 -q")
        #expect(try offered(bench, "snapstore", "get", "--store", "s2", "o") == ["other:1"])
    }

    @Test func eachShellReadsItsScript() throws {
        let bench = try CommandBench()
        for shell in ["bash", "zsh", "fish"] {
            try bench.done("snapstore completions \(shell) >script.\(shell) && test -s script.\(shell)")
            guard try bench.shell("command -v \(shell)").status == 0 else {
                print("skipped: \(shell) is not installed")
                continue
            }
            let run = try bench.shell("\(shell) -n script.\(shell)")
            #expect(run.status == 0 && run.errors.isEmpty, "\(shell): \(run.errors)")
        }
        let wrong = try bench.shell("snapstore completions fsh")
        #expect(wrong.status == 2 && wrong.errors.contains("Did you mean `fish`?"), "\(wrong.errors)")
        #expect(try bench.shell("snapstore completions tcsh").errors.contains("There are: bash, fish, zsh."))
    }

    @Test func everyCommandHasAPageWithoutMistakes() throws {
        let bench = try CommandBench()
        try bench.done("snapstore man --directory pages/man1 -q")
        let commands = try Manual.commands(bench)
        let pages = try bench.done("ls pages/man1").split(separator: "\n").map(String.init)
        let names = commands.map { "snapstore-\($0.replacing(" ", with: "-")).1" }
        let groups = ["store", "config", "org", "token"].map { "snapstore-\($0).1" }
        #expect(Set(pages) == Set(names + groups + ["snapstore.1"]))
        guard try bench.shell("command -v groff").status == 0 else { return print("skipped: groff is not installed") }
        for page in pages {
            let run = try bench.shell("groff -man -Tutf8 -ww -rHY=0 -P-cbu pages/man1/\(page)")
            #expect(run.status == 0 && run.errors.isEmpty, "\(page): \(run.errors)")
            for heading in ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "SEE ALSO"] {
                #expect(run.output.contains("\(heading)\n"), "\(page) has no \(heading)")
            }
        }
        // What the help says is in the page.
        for command in commands {
            let name = "snapstore-\(command.replacing(" ", with: "-")).1"
            let page = try bench.done("groff -man -Tutf8 -ww -rHY=0 -P-cbu pages/man1/\(name)")
            let options = try bench.done("snapstore \(command) --help").split(separator: "\n").filter {
                $0.hasPrefix("  -")
            }
            .flatMap { $0.matches(of: /--[a-z][a-z-]*/).prefix(1).map { String($0.output) } }
            for option in options { #expect(page.contains(option), "\(name) lacks \(option)") }
            #expect(page.contains("EXAMPLES\n"), "\(name)")
        }
        #expect(try bench.done("snapstore man store backup") == bench.done("cat pages/man1/snapstore-store-backup.1"))
        #expect(try bench.done("snapstore man") == bench.done("cat pages/man1/snapstore.1"))
        #expect(try bench.shell("snapstore man crate").errors.contains("Did you mean `snapstore create`?"))
        #expect(try bench.shell("snapstore man create --directory x").status == 2)
    }
}
