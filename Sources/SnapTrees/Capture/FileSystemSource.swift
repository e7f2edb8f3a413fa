import Glibc
package import SnapIO

/// A tree of the machine's own file systems.
package struct FileSystemSource: TreeSource {
    private var directories: OpenDirectories
    /// Whether reading may leave access times alone.
    private let isRoot = Kernel.isRoot

    /// - Throws: when the directory cannot be opened, or its file system cannot write back what is dirty.
    package init(root: Descriptor, openDirectoriesMax: Int = FileSystemSource.openDirectoriesMax) throws(IOError) {
        directories = try OpenDirectories(root: root, openMax: openDirectoriesMax)
    }

    /// At most a quarter of the descriptors this process may have: the store needs some, too.
    package static var openDirectoriesMax: Int {
        max(4, min(CaptureLimits.openDirectoriesMax, Int(clamping: Kernel.openFileLimit() / 4)))
    }

    package var fileSystem: SourceFileSystem { directories.fileSystem }

    package func status(of name: [UInt8]) throws(IOError) -> NodeStatus {
        NodeStatus(try Kernel.status(in: directories.current, name))
    }

    package func attributes(of name: [UInt8]) throws(IOError) -> [SourceAttribute] {
        let directory = directories.current
        let names = try Kernel.attributeNames(in: directory, name)
        return try read(names) { attribute throws(IOError) in try Kernel.attribute(in: directory, name, attribute) }
    }

    package func target(of name: [UInt8]) throws(IOError) -> [UInt8] {
        try Kernel.readLink(in: directories.current, name)
    }

    package func open(_ name: [UInt8]) throws(IOError) -> OpenFile {
        // Non-blocking, in case a FIFO has taken the name of the regular file that was there a moment ago.
        let flags: OpenFlags = [.readOnly, .noFollow, .nonBlocking]
        let descriptor: Descriptor
        do {
            descriptor = try Kernel.openBeneath(
                directories.current, name, isRoot ? flags.union(.noAccessTime) : flags)
        } catch {
            guard isRoot, error.errno == EPERM else { throw error }
            descriptor = try Kernel.openBeneath(directories.current, name, flags)
        }
        return OpenFile(descriptor)
    }

    package mutating func enter(_ name: [UInt8]) throws(IOError) { try directories.enter(name) }
    package mutating func leave() throws(IOError) { try directories.leave() }

    package func status() throws(IOError) -> NodeStatus { NodeStatus(try Kernel.status(of: directories.current)) }

    package func attributes() throws(IOError) -> [SourceAttribute] {
        let directory = directories.current
        return try read(try Kernel.attributeNames(directory)) { attribute throws(IOError) in
            try Kernel.attribute(directory, attribute)
        }
    }

    package func names() throws(IOError) -> IndexingIterator<DirectoryNames> {
        try DirectoryNames(reading: directories.current).makeIterator()
    }

    private func read(
        _ names: [[UInt8]], _ value: ([UInt8]) throws(IOError) -> [UInt8]
    ) throws(IOError) -> [SourceAttribute] {
        var attributes: [SourceAttribute] = []
        for name in names {
            do {
                attributes.append(SourceAttribute(name: name, value: try value(name)))
            } catch {
                // Removed since the names were listed: the node's status has changed then, too.
                if error.errno != ENODATA { throw error }
            }
        }
        return attributes
    }

    /// A regular file open for reading.
    package struct OpenFile: SourceFile {
        private let descriptor: Descriptor

        init(_ descriptor: Descriptor) {
            self.descriptor = descriptor
        }

        package func status() throws(IOError) -> NodeStatus { NodeStatus(try Kernel.status(of: descriptor)) }

        package func hasAttributes() throws(IOError) -> Bool { try Kernel.hasAttributes(descriptor) }

        package func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(IOError) -> Int {
            try Kernel.read(descriptor, into: buffer, at: offset)
        }

        package func nextData(from offset: UInt64) throws(IOError) -> UInt64? {
            do {
                return try Kernel.seekData(descriptor, from: offset)
            } catch {
                // A file system that knows no holes: all is data.
                if error.errno == EINVAL { return offset }
                throw error
            }
        }

        package func nextHole(from offset: UInt64) throws(IOError) -> UInt64 {
            do {
                return try Kernel.seekHole(descriptor, from: offset) ?? offset
            } catch {
                if error.errno == EINVAL { return UInt64.max }
                throw error
            }
        }
    }
}
