internal import Glibc

/// Which processes of this machine have a file open, or locked, as /proc tells it.
///
/// Of other users' processes only root is told.
package enum LockHolders {
    package struct Holder: Sendable, Hashable {
        package let process: Int32
        /// As `ps -o comm` shows it: bytes that the process chose.
        package let command: [UInt8]
    }

    /// Processes that have the file open.
    package static func openers(of path: String) -> [Holder] {
        guard let wanted = try? Kernel.status(path: path), let processes = try? Kernel.names(inDirectory: "/proc")
        else {
            return []
        }
        var found: [Holder] = []
        for case let process? in processes.map({ Int32(String(decoding: $0, as: UTF8.self)) }) {
            let directory = "/proc/\(process)/fd"
            guard let files = try? Kernel.names(inDirectory: directory) else { continue }
            for file in files {
                let link = directory + "/" + String(decoding: file, as: UTF8.self)
                guard let status = try? Kernel.status(path: link), status.inode == wanted.inode,
                    status.device == wanted.device
                else { continue }
                found.append(holder(process))
                break
            }
        }
        return found
    }

    /// Processes that have locked the file with flock(2). A lock outlives the process that took it where another has
    /// inherited the open file: then those that have it open.
    package static func flockers(of path: String) -> [Holder] {
        guard let wanted = try? Kernel.status(path: path),
            let text = try? Kernel.readFile("/proc/locks", limit: 16 << 20)
        else { return [] }
        var found: [Holder] = []
        // `1: FLOCK  ADVISORY  WRITE 1234 08:01:131 0 EOF`; who waits has `->` before FLOCK.
        for line in String(decoding: text, as: UTF8.self).split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard fields.count > 5, fields[1] == "FLOCK", let process = Int32(fields[4]),
                let inode = fields[5].split(separator: ":").last.flatMap({ UInt64($0) }), inode == wanted.inode
            else { continue }
            if Kernel.exists("/proc/\(process)") { found.append(holder(process)) }
        }
        return found.isEmpty ? openers(of: path).filter { $0.process != getpid() } : found
    }

    private static func holder(_ process: Int32) -> Holder {
        let name = (try? Kernel.readFile("/proc/\(process)/comm", limit: 256)) ?? []
        return Holder(process: process, command: name.filter { $0 != 10 })
    }
}
