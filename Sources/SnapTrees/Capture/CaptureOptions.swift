package import SnapDigest
internal import SnapIO
package import SnapModel

/// What to capture, and how.
package struct CaptureOptions: Sendable {
    package var kind: Manifest.Kind
    package var config = Manifest.Config()
    package var platform: Manifest.Platform?
    /// What is left out, by name.
    package var exclude = ExcludePatterns()
    /// Directories on other file systems are kept empty.
    package var oneFileSystem = false
    package var times = TimePolicy.keep
    package var owner: OwnerOverride?
    /// Reads every file, whatever the stat cache says.
    package var rehash = false
    package var checkpoint: CheckpointOptions?
    /// Threads that cut and hash one big file.
    package var threads = Kernel.processorCount
    /// The store's directory: left out where the walk meets it; its `cache/` takes the stat cache and scratch files.
    /// Without one there is no stat cache, and scratch files go to /tmp.
    package var storePath: String?

    package init(kind: Manifest.Kind) {
        self.kind = kind
    }
}

/// The opaque payload of a checkpoint and what is said of it.
package struct CheckpointOptions: Sendable {
    /// A directory of regular files.
    package var directory: String
    /// Names of files in it that are cut as pages of 64 KiB: memory images.
    package var pages: Set<[UInt8]> = []
    package var base: Digest?
    package var engine: String?
    package var version: String?
    package var cpu: String?
    package var kernel: String?

    package init(directory: String) {
        self.directory = directory
    }
}

/// Which modification times are captured. Times are part of the digest, so a reproducible fixture fixes them.
package enum TimePolicy: Sendable, Hashable {
    /// As they are.
    case keep
    /// This one for everything.
    case set(Timestamp)
    /// This one for what is later: the rule for `SOURCE_DATE_EPOCH`
    /// (https://reproducible-builds.org/specs/source-date-epoch/).
    case clamp(Timestamp)

    /// `keep`, `EPOCH` (1970-01-01T00:00:00Z) or `@N` (N seconds after it).
    package static func parse(_ text: String) throws(FormatError) -> TimePolicy {
        switch text {
        case "keep": return .keep
        case "EPOCH": return .set(Timestamp(seconds: 0, nanoseconds: 0))
        default:
            guard text.hasPrefix("@"), let seconds = Int64(text.dropFirst()) else {
                throw FormatError(.range, "\"\(text)\" is no time: write keep, EPOCH, or @ and seconds since 1970.")
            }
            return .set(Timestamp(seconds: seconds, nanoseconds: 0))
        }
    }

    /// The value of the environment variable `SOURCE_DATE_EPOCH`: decimal seconds.
    package static func parse(sourceDateEpoch text: String) throws(FormatError) -> TimePolicy {
        guard let seconds = Int64(text), seconds >= 0 else {
            throw FormatError(
                .range, "SOURCE_DATE_EPOCH is \"\(text)\": it must be the number of seconds since 1970-01-01.")
        }
        return .clamp(Timestamp(seconds: seconds, nanoseconds: 0))
    }

    package func applied(to time: Timestamp) -> Timestamp {
        switch self {
        case .keep: time
        case .set(let fixed): fixed
        case .clamp(let latest): min(time, latest)
        }
    }
}

/// The owner and group that every entry is captured with.
package struct OwnerOverride: Sendable, Hashable {
    package var uid: UInt32
    package var gid: UInt32

    package init(uid: UInt32, gid: UInt32) {
        self.uid = uid
        self.gid = gid
    }

    /// `UID:GID` in decimal.
    package static func parse(_ text: String) throws(FormatError) -> OwnerOverride {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, let uid = UInt32(parts[0]), let gid = UInt32(parts[1]), uid <= Limits.idMax,
            gid <= Limits.idMax
        else {
            throw FormatError(.range, "\"\(text)\" is no owner: write UID:GID in numbers, for example 0:0.")
        }
        return OwnerOverride(uid: uid, gid: gid)
    }
}
