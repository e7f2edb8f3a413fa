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
        if let slash = path.lastIndex(of: "/"),
            let parent = try? Kernel.open(String(path[...slash]), [.readOnly, .directory])
        {
            remove(Array(path[path.index(after: slash)...].utf8), in: parent, depth: 0)
        }
        if access(path, F_OK) == 0 { _ = try? Command.run("/bin/rm", ["-rf", path]) }
    }

    /// By descriptors, so that no link is followed that somebody swaps in. What is deep, or may not be read, is left.
    private static func remove(_ name: [UInt8], in directory: Descriptor, depth: Int) {
        if (try? Kernel.unlink(in: directory, name)) != nil { return }
        guard depth < 64, let child = try? Kernel.openBeneath(directory, name, [.readOnly, .directory, .noFollow]),
            let names = try? DirectoryNames(reading: child)
        else { return }
        for name in names { remove(name, in: child, depth: depth + 1) }
        try? Kernel.removeDirectory(in: directory, name)
    }
}

extension String {
    /// Writes bytes to the file of this path.
    package func write(_ bytes: [UInt8]) throws {
        let file = try Kernel.open(self, [.writeOnly, .create, .truncate], mode: 0o644)
        try bytes.withUnsafeBytes { try Kernel.writeAll(file, $0) }
    }
}
