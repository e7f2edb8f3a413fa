import Glibc

/// Runs a program and waits for it.
package struct Command {
    /// Exit code; 128 + N for a death by signal N.
    package let status: Int32
    package let output: String
    package let errors: String

    /// - Parameters:
    ///   - program: Its path.
    ///   - environment: Added to this process's.
    package static func run(_ program: String, _ arguments: [String], environment: [String: String] = [:]) throws
        -> Command
    {
        let (out, err) = (try Capture(), try Capture())
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, out.path, O_WRONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 2, err.path, O_WRONLY, 0)
        var variables = ProcessEnvironment.all
        for (name, value) in environment { variables[name] = value }
        var argv: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) } + [nil]
        var envp: [UnsafeMutablePointer<CChar>?] = variables.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { (argv + envp).forEach { free($0) } }
        var child = pid_t()
        let code = posix_spawn(&child, program, &actions, nil, &argv, &envp)
        guard code == 0 else { throw Failure(description: "\(program): \(String(cString: strerror(code)))") }
        var raw: Int32 = 0
        while waitpid(child, &raw, 0) < 0, errno == EINTR {}
        let signal = raw & 0x7f
        return Command(
            status: signal == 0 ? (raw >> 8) & 0xff : 128 + signal, output: try out.text(), errors: try err.text())
    }

    package struct Failure: Error, CustomStringConvertible {
        package let description: String
    }

    /// A file that catches what a program prints.
    private final class Capture {
        let path: String

        init() throws {
            var template = Array("/tmp/snapstore-output-XXXXXX".utf8CString)
            let descriptor = mkstemp(&template)
            guard descriptor >= 0 else { throw Failure(description: "no temporary file") }
            close(descriptor)
            path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }

        deinit { unlink(path) }

        func text() throws -> String {
            guard let file = fopen(path, "r") else { throw Failure(description: "\(path) is gone") }
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
}

/// The environment of this process.
package enum ProcessEnvironment {
    package static var all: [String: String] {
        var variables: [String: String] = [:]
        var next = environ
        while let entry = next.pointee {
            let parts = String(cString: entry).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2 { variables[String(parts[0])] = String(parts[1]) }
            next += 1
        }
        return variables
    }

    package static func value(_ name: String) -> String? { all[name] }
}
