package import SnapIO

/// A tree to capture, one directory at a time: a real one, or one that a test makes up.
///
/// The source has a current directory; names are relative to it, one component each. Failures are the kernel's error
/// numbers, because what follows depends on them: ENOENT has vanished, EACCES is unreadable.
package protocol TreeSource {
    associatedtype Names: IteratorProtocol<[UInt8]>
    associatedtype File: SourceFile

    /// The status of a name in the current directory, no link followed.
    func status(of name: [UInt8]) throws(IOError) -> NodeStatus
    /// The extended attributes of a name, no link followed.
    func attributes(of name: [UInt8]) throws(IOError) -> [SourceAttribute]
    /// Where a symbolic link points.
    func target(of name: [UInt8]) throws(IOError) -> [UInt8]
    /// Opens a regular file for reading. Anything else must be refused without being opened for real: opening a FIFO
    /// would wait, opening a device may act.
    func open(_ name: [UInt8]) throws(IOError) -> File

    /// Makes the directory `name` the current one. The current directory stays as it is when this fails.
    mutating func enter(_ name: [UInt8]) throws(IOError)
    /// Makes the parent the current directory again.
    mutating func leave() throws(IOError)

    /// The status of the current directory.
    func status() throws(IOError) -> NodeStatus
    /// The extended attributes of the current directory.
    func attributes() throws(IOError) -> [SourceAttribute]
    /// What kind of file system the current directory is on.
    var fileSystem: SourceFileSystem { get }
    /// The names in the current directory in byte order, without `.` and `..`.
    func names() throws(IOError) -> Names
}

/// An extended attribute as a file system has it.
package struct SourceAttribute: Sendable, Hashable {
    package var name: [UInt8]
    package var value: [UInt8]

    package init(name: [UInt8], value: [UInt8]) {
        self.name = name
        self.value = value
    }
}

/// What a capture needs to know of a file system.
package enum SourceFileSystem: Sendable, Hashable {
    /// Files made up by the kernel (/proc, /sys): their contents are not data.
    case kernelInterface
    /// ext4, XFS, btrfs: any change of a file whose pages were written back changes its ctime.
    case changesShowInTimes
    /// Anything else: contents may change while all times stay.
    case other
}

/// A regular file open for reading. Offsets and sizes are bytes.
package protocol SourceFile {
    func status() throws(IOError) -> NodeStatus
    /// Whether it has extended attributes, so that they must be asked for by name.
    func hasAttributes() throws(IOError) -> Bool
    /// Fills `buffer` from `offset`; fewer bytes only where the file ends.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(IOError) -> Int
    /// Where data begin at or after `offset`; nil if only a hole follows.
    func nextData(from offset: UInt64) throws(IOError) -> UInt64?
    /// Where a hole begins at or after `offset`; the end of the file counts as one.
    func nextHole(from offset: UInt64) throws(IOError) -> UInt64
}
