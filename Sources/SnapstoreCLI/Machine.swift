import Glibc
import SnapIO
import SnapModel

/// What this machine is, as snapshots name it.
enum Machine {
    /// As the Go language names it.
    static var architecture: String {
        #if arch(x86_64)
            "amd64"
        #elseif arch(arm64)
            "arm64"
        #else
            "unknown"
        #endif
    }

    /// The processor's name, or at least its architecture.
    static var processor: String {
        let lines = (try? Kernel.readFile("/proc/cpuinfo", limit: 16 << 20)).map { String(decoding: $0, as: UTF8.self) }
        for line in (lines ?? "").split(separator: "\n") where line.hasPrefix("model name") {
            guard let colon = line.firstIndex(of: ":") else { continue }
            return String(line[line.index(after: colon)...].drop { $0 == " " })
        }
        return architecture
    }

    /// As `uname -r` says it; nil where the kernel does not.
    static var kernelRelease: String? {
        let bytes = (try? Kernel.readFile("/proc/sys/kernel/osrelease", limit: 4096)) ?? []
        let text = String(decoding: bytes.filter { $0 > 0x20 }, as: UTF8.self)
        return text.isEmpty ? nil : text
    }
}

extension Manifest.Platform {
    /// Of this machine.
    static var host: Manifest.Platform {
        Manifest.Platform(architecture: Machine.architecture, os: "linux")
    }
}
