internal import SnapIO

/// The accounts of this machine by name, as its own files list them: for access control lists that name them.
///
/// Only the files: a name from an archive must not be asked of a directory server.
package final class TarAccounts {
    private let paths: (users: String, groups: String)
    private var users: [[UInt8]: UInt32]?
    private var groups: [[UInt8]: UInt32]?

    package init(users: String = "/etc/passwd", groups: String = "/etc/group") {
        paths = (users, groups)
    }

    package func number(isGroup: Bool, _ name: [UInt8]) -> UInt32? {
        if isGroup {
            let known = groups ?? Self.read(paths.groups)
            groups = known
            return known[name]
        }
        let known = users ?? Self.read(paths.users)
        users = known
        return known[name]
    }

    /// Lines of `NAME:PASSWORD:NUMBER…`, of which the first counts.
    private static func read(_ path: String) -> [[UInt8]: UInt32] {
        guard let bytes = try? Kernel.readFile(path, limit: 16 << 20) else { return [:] }
        var known: [[UInt8]: UInt32] = [:]
        for line in bytes.split(separator: UInt8(ascii: "\n")) {
            let fields = line.split(separator: UInt8(ascii: ":"), maxSplits: 3, omittingEmptySubsequences: false)
            guard fields.count >= 3, let number = TarNumber.decimal(fields[2]), let number = UInt32(exactly: number),
                known[Array(fields[0])] == nil
            else { continue }
            known[Array(fields[0])] = number
        }
        return known
    }
}
