import Glibc
import SnapIO

/// A program that runs beside the test, to be signalled and waited for.
package final class ChildProcess {
    private let program: String
    private let id: pid_t
    private let out: CapturedOutput
    private let err: CapturedOutput

    /// - Parameters:
    ///   - environment: Added to this process's.
    ///   - input: Path of what its standard input reads.
    package init(
        _ program: String, _ arguments: [String], environment: [String: String] = [:], input: String = "/dev/null"
    ) throws {
        self.program = program
        (out, err) = (try CapturedOutput(), try CapturedOutput())
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, input, O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, out.path, O_WRONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 2, err.path, O_WRONLY, 0)
        // What the shell of whoever runs the tests ignores or blocks is no business of the program.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        for number in [SIGINT, SIGTERM, SIGPIPE] { sigaddset(&signals, number) }
        posix_spawnattr_setsigdefault(&attributes, &signals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
        var variables = ProcessEnvironment.all
        for (name, value) in environment { variables[name] = value }
        var argv: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) } + [nil]
        var envp: [UnsafeMutablePointer<CChar>?] = variables.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { (argv + envp).forEach { free($0) } }
        var child = pid_t()
        let code = posix_spawn(&child, program, &actions, &attributes, &argv, &envp)
        guard code == 0 else { throw Command.Failure(description: "\(program): \(String(cString: strerror(code)))") }
        id = child
    }

    /// What it has printed so far.
    package func printed() throws -> (output: String, errors: String) { (try out.text(), try err.text()) }

    package func send(_ signal: CInt) { kill(id, signal) }

    /// Whether it has exited; it is still to be waited for.
    package var hasEnded: Bool {
        var info = siginfo_t()
        return waitid(P_PID, id_t(id), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info._sifields._sigchld.si_pid != 0
    }

    /// Bytes that it has read so far, from whatever it has open.
    package var bytesRead: UInt64 {
        let text = (try? Kernel.readFile("/proc/\(id)/io", limit: 4096)) ?? []
        for line in String(decoding: text, as: UTF8.self).split(separator: "\n") where line.hasPrefix("rchar: ") {
            return UInt64(line.dropFirst(7)) ?? 0
        }
        return 0
    }

    /// Waits until it has exited. To be called once.
    package func wait() throws -> Command {
        var raw: Int32 = 0
        while waitpid(id, &raw, 0) < 0, errno == EINTR {}
        let signal = raw & 0x7f
        return Command(
            status: signal == 0 ? (raw >> 8) & 0xff : 128 + signal, output: try out.text(), errors: try err.text())
    }
}

/// A file that catches what a program prints.
final class CapturedOutput {
    let path: String

    init() throws {
        var template = Array("/tmp/snapstore-output-XXXXXX".utf8CString)
        let descriptor = mkstemp(&template)
        guard descriptor >= 0 else { throw Command.Failure(description: "no temporary file") }
        close(descriptor)
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit { unlink(path) }

    func text() throws -> String {
        guard let file = fopen(path, "r") else { throw Command.Failure(description: "\(path) is gone") }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = fread(&buffer, 1, buffer.count, file)
            if count == 0 { return String(decoding: bytes, as: UTF8.self) }
            bytes += buffer[..<count]
        }
    }
}
