import SnapIO
import SnapTrees

/// A real tree, with a call into the test whenever the walk opens a file or enters a directory.
struct HookedSource: TreeSource {
    enum Event { case open, entered }

    private var base: FileSystemSource
    private let hook: (Event, [UInt8]) -> Void

    init(_ path: String, openDirectoriesMax: Int = 128, _ hook: @escaping (Event, [UInt8]) -> Void) throws {
        base = try FileSystemSource(
            root: Kernel.open(path, [.readOnly, .directory]), openDirectoriesMax: openDirectoriesMax)
        self.hook = hook
    }

    func status(of name: [UInt8]) throws(IOError) -> NodeStatus { try base.status(of: name) }
    func attributes(of name: [UInt8]) throws(IOError) -> [SourceAttribute] { try base.attributes(of: name) }
    func target(of name: [UInt8]) throws(IOError) -> [UInt8] { try base.target(of: name) }

    func open(_ name: [UInt8]) throws(IOError) -> FileSystemSource.OpenFile {
        hook(.open, name)
        return try base.open(name)
    }

    mutating func enter(_ name: [UInt8]) throws(IOError) {
        try base.enter(name)
        hook(.entered, name)
    }

    mutating func leave() throws(IOError) { try base.leave() }
    func status() throws(IOError) -> NodeStatus { try base.status() }
    func attributes() throws(IOError) -> [SourceAttribute] { try base.attributes() }
    var fileSystem: SourceFileSystem { base.fileSystem }
    func names() throws(IOError) -> IndexingIterator<DirectoryNames> { try base.names() }
}
