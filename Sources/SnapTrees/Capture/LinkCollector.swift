import SnapIO
import SnapModel

/// Finds the hard links of a walk: names that are one inode.
///
/// Memory is bounded: the names go through a ``RecordSorter``, and the entries of the last inodes met are remembered so
/// that a file with several names is read once. A forgotten one is read again, which costs time only.
struct LinkCollector {
    private struct NodeID: Hashable {
        var device: UInt64
        var inode: UInt64
    }

    private struct Remembered {
        var status: NodeStatus
        var result: EntryReader.Result
        var namesLeft: UInt64
    }

    private let objects: ObjectWriter
    private let scratch: () throws -> Descriptor
    private let memoryBytesMax: Int
    private var remembered: [NodeID: Remembered] = [:]
    private let names: RecordSorter

    init(objects: ObjectWriter, memoryBytesMax: Int, scratch: @escaping () throws -> Descriptor) {
        self.objects = objects
        self.scratch = scratch
        self.memoryBytesMax = memoryBytesMax
        names = RecordSorter(memoryBytesMax: memoryBytesMax, scratch: scratch)
    }

    /// What was read under another name of the same inode, if nothing happened to it since.
    func entry(of status: NodeStatus, name: [UInt8]) -> EntryReader.Result? {
        guard status.links > 1, let found = remembered[NodeID(device: status.device, inode: status.inode)],
            found.status.isSameVersion(as: status)
        else { return nil }
        var result = found.result
        result.entry.name = name
        result.readBytes = 0
        return result
    }

    /// Notes one name of an inode that has several.
    mutating func add(_ result: EntryReader.Result, _ status: NodeStatus, path: [UInt8]) throws {
        let id = NodeID(device: status.device, inode: status.inode)
        if var found = remembered[id], found.status.isSameVersion(as: status) {
            found.namesLeft -= 1
            remembered[id] = found.namesLeft > 0 ? found : nil
        } else {
            if remembered.count >= CaptureLimits.rememberedInodesMax { remembered.removeAll(keepingCapacity: true) }
            remembered[id] = Remembered(status: status, result: result, namesLeft: status.links - 1)
        }
        try append(result.entry, id, path, links: status.links)
    }

    /// Notes one name of an archive's member that has several. How many there are is not known, nor does it matter.
    mutating func add(_ entry: Entry, number: UInt64, path: [UInt8]) throws {
        try append(entry, NodeID(device: 0, inode: number), path, links: 0)
    }

    private func append(_ entry: Entry, _ id: NodeID, _ path: [UInt8], links: UInt64) throws {
        var nameless = entry
        nameless.name = []
        let version = objects.digest(try RootNode.encode(nameless))
        do {
            try names.append(LinkRecord.encode(id.device, id.inode, version, path, links))
        } catch {
            throw SinkFailure(cause: error)
        }
    }

    /// Ends the walk: sorts the names into groups.
    mutating func finish(_ report: inout WalkReport) throws -> LinkGroups {
        remembered = [:]
        let groups = RecordSorter(memoryBytesMax: memoryBytesMax, scratch: scratch)
        // One cursor runs ahead to count a group, the other follows with its names: no group is held in memory.
        var ahead = try names.cursor()
        var behind = try names.cursor()
        var next = try ahead.next().flatMap(LinkRecord.init)
        while let inode = next {
            var versions: Set<ArraySlice<UInt8>> = []
            var names: UInt64 = 0
            var links: UInt64 = 0
            while let first = next, first.isSameInode(as: inode) {
                var count: UInt64 = 0
                var room = LinkTableReader.groupBytesMax - 16
                // One that is over the limit by itself is a group of one, and so none.
                while let record = next, record.isSameVersion(as: first), count == 0 || record.path.count + 10 <= room {
                    count += 1
                    room -= record.path.count + 10
                    links = max(links, record.links)
                    next = try ahead.next().flatMap(LinkRecord.init)
                }
                for _ in 0..<count {
                    guard let record = try behind.next().flatMap(LinkRecord.init) else { break }
                    if count > 1 { try groups.append(GroupRecord.encode(first.path, count, record.path)) }
                }
                versions.insert(first.version)
                names += count
            }
            if versions.count > 1 {
                report.warn(
                    .changed, inode.path,
                    "changed between the readings of its hard links: not all of them are one file in the snapshot.")
            }
            if names < links { report.counts.linkGroupsCut += 1 }
        }
        return LinkGroups(groups)
    }
}
