import Glibc
package import SnapIO

/// The real program, built beside the tests.
package struct SnapstoreBinary: Sendable {
    package let path: String
    package let store: String

    /// - Parameter store: Path of the store that every command works on.
    package init(store: String) throws {
        self.store = store
        path = try Self.find()
    }

    /// The test bundle lies in the same directory as the products.
    private static func find() throws -> String {
        var candidates = CommandLine.arguments.map { $0 }
        if let link = realpath("/proc/self/exe", nil) {
            candidates.append(String(cString: link))
            free(link)
        }
        for candidate in candidates {
            guard let slash = candidate.lastIndex(of: "/") else { continue }
            let path = String(candidate[...slash]) + "snapstore"
            if Kernel.exists(path) { return path }
        }
        throw Command.Failure(description: "the snapstore program is not beside the tests: \(candidates)")
    }

    @discardableResult
    package func run(_ arguments: String..., environment: [String: String] = [:]) throws -> Command {
        try Command.run(path, arguments + ["--store", store], environment: environment)
    }

    @discardableResult
    package func run(_ arguments: [String], environment: [String: String] = [:]) throws -> Command {
        try Command.run(path, arguments + ["--store", store], environment: environment)
    }
}
