import SnapIO
import TestSupport
import Testing

/// The program imports what strangers made, with 1 GiB of address space and ten seconds for each: it ends by itself, with
/// the exit code that `docs/cli.md` gives the error, and leaves a sound store.
@Suite struct CommandCorpusTests {
    private static let exits = ["ok": "0", "invalid": "2", "corrupt": "8", "incomplete": "8"]

    @Test(arguments: ["export", "tar"]) func imports(_ kind: String) throws {
        let directory = TemporaryDirectory(in: "/dev/shm")
        let binary = try SnapstoreBinary(store: directory.file("store"))
        let files = try CorpusCase.of(kind)
        let form = kind == "tar" ? "tar" : "native"
        let names = files.map(\.path).joined(separator: " ")
        // A store for each: what one import brought would be there for the next, whose stream lacks it.
        let run = try Command.run(
            "/bin/bash",
            [
                "-c",
                """
                ulimit -v 1048576
                export SNAPSTORE_STORE=\(binary.store)
                for file in \(names); do
                    timeout -s KILL 10 \(binary.path) import "$file" corpus:t --format \(form) >/dev/null 2>&1
                    echo -n "$? "
                    timeout -s KILL 10 \(binary.path) fsck --read-data >/dev/null 2>&1
                    echo $?
                    rm -rf "$SNAPSTORE_STORE"
                done
                """,
            ])
        let answers = run.output.split(separator: "\n")
        #expect(answers.count == files.count)
        for (file, answer) in zip(files, answers) {
            #expect(try answer == #require(Self.exits[file.code]) + " 0", "\(file.testDescription)")
        }
    }
}
