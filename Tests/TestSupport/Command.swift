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
        try ChildProcess(program, arguments, environment: environment).wait()
    }

    package struct Failure: Error, CustomStringConvertible {
        package let description: String

        package init(description: String) {
            self.description = description
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
