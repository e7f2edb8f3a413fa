internal import SnapIO

#if canImport(Glibc)
    import Glibc
#endif

/// A directory that is removed with everything in it when the value goes.
package final class TemporaryDirectory: Sendable {
    package let path: String

    /// - Parameter parent: `/dev/shm` for stores of tests that are not about the disk: syncs cost nothing there.
    package init(in parent: String = "/tmp") {
        var generator = SystemRandomNumberGenerator()
        path = "\(parent)/snapstore-test-\(String(generator.next(), radix: 36))"
        precondition(mkdir(path, 0o700) == 0, "cannot make \(path)")
    }

    deinit { TemporaryDirectory.removeAll(path) }

    package func file(_ name: String) -> String { path + "/" + name }

    /// Removes a path and what is below it.
    package static func removeAll(_ path: String) {
        guard remove(path) != 0, errno != ENOENT else { return }
        // A directory that is not empty, or one that may not be read by its mode.
        if let names = try? Kernel.names(inDirectory: path), !names.isEmpty, names.count < 10_000 {
            for name in names {
                guard let name = String(validating: name, as: UTF8.self) else { continue }
                removeAll(path + "/" + name)
            }
            if remove(path) == 0 { return }
        }
        _ = try? Command.run("/bin/rm", ["-rf", path])
    }
}

extension String {
    /// Writes bytes to the file of this path.
    package func write(_ bytes: [UInt8]) throws {
        let file = try Kernel.open(self, [.writeOnly, .create, .truncate], mode: 0o644)
        try bytes.withUnsafeBytes { try Kernel.writeAll(file, $0) }
    }
}
