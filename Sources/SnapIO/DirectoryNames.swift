internal import CSnapKernel
internal import Glibc

/// The names in a directory, sorted by bytes: about 30 bytes a name, so a million of them fit in 40 MB.
package struct DirectoryNames: Sendable, RandomAccessCollection {
    private struct Slot {
        var start: UInt32
        var length: UInt8
        /// DT_* as the directory says; 0 where the file system does not tell.
        var type: UInt8
    }

    private var bytes: [UInt8] = []
    private var slots: [Slot] = []

    /// Makes a list from names, for sources other than directories. Names over 255 bytes are cut off by nothing: they
    /// are refused with ENAMETOOLONG.
    package init(_ names: some Sequence<[UInt8]>) throws(IOError) {
        for name in names { try append(name[...], type: 0) }
        sort()
    }

    /// Reads a directory; `.` and `..` are left out.
    ///
    /// - Complexity: One system call per 256 KiB of entries, O(n log n) comparisons.
    package init(reading directory: Descriptor) throws(IOError) {
        let size = 256 << 10
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 8)
        defer { buffer.deallocate() }
        // The descriptor may have been read before.
        guard lseek(directory.number, 0, SEEK_SET) >= 0 else {
            throw IOError(errno: errno, operation: "read directory", path: "")
        }
        while true {
            let count = try Kernel.count("read directory", []) {
                snap_getdents(directory.number, buffer.baseAddress, size)
            }
            if count == 0 { break }
            try append(records: UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
        sort()
    }

    /// struct linux_dirent64: inode 8, offset 8, record length 2, type 1, name.
    mutating func append(records: UnsafeRawBufferPointer) throws(IOError) {
        var position = 0
        while position + 19 < records.count {
            let length = Int(records.loadUnaligned(fromByteOffset: position + 16, as: UInt16.self))
            guard length > 19, length <= records.count - position else { break }
            let name = records[(position + 19)..<(position + length)].prefix { $0 != 0 }
            let isDots = (name.count == 1 && name.first == 46) || (name.count == 2 && name.allSatisfy { $0 == 46 })
            if !isDots { try append(name, type: records[position + 18]) }
            position += length
        }
    }

    private mutating func append(_ name: some Collection<UInt8>, type: UInt8) throws(IOError) {
        guard let start = UInt32(exactly: bytes.count), let length = UInt8(exactly: name.count) else {
            throw IOError(errno: ENAMETOOLONG, operation: "read directory", path: Array(name))
        }
        slots.append(Slot(start: start, length: length, type: type))
        bytes.append(contentsOf: name)
    }

    mutating func sort() {
        let slots = self.slots
        self.slots = bytes.withUnsafeBytes { bytes in
            slots.sorted { left, right in
                let common = Int(Swift.min(left.length, right.length))
                guard let base = bytes.baseAddress else { return false }
                let order = memcmp(base + Int(left.start), base + Int(right.start), common)
                return order == 0 ? left.length < right.length : order < 0
            }
        }
    }

    package var startIndex: Int { 0 }
    package var endIndex: Int { slots.count }

    package subscript(position: Int) -> [UInt8] {
        let slot = slots[position]
        return Array(bytes[Int(slot.start)..<(Int(slot.start) + Int(slot.length))])
    }
}

extension Kernel {
    /// The names in a directory, sorted by bytes.
    package static func names(inDirectory path: String) throws(IOError) -> DirectoryNames {
        try DirectoryNames(reading: open(path, [.readOnly, .directory]))
    }
}
