internal import SnapCore
internal import SnapIO

/// The directory that a restore writes into.
struct RestoreTarget {
    let root: Descriptor
    /// Nothing is in it.
    let isNew: Bool
    /// It has our marker already: an earlier run of the same restore did not finish.
    let isMarked: Bool
    /// A file with the right length and time has the right bytes: the earlier run wrote them since the machine started.
    let trustsTimes: Bool

    private init(root: Descriptor, isNew: Bool, isMarked: Bool = false, trustsTimes: Bool = false) {
        self.root = root
        self.isNew = isNew
        self.isMarked = isMarked
        self.trustsTimes = trustsTimes
    }

    /// Opens the directory, making it if need be.
    ///
    /// - Parameter isPrivate: It becomes a directory of the snapshot: until it has the mode of that, only its owner may
    ///   look into it.
    static func open(_ path: String, marker: RestoreMarker, overwrite: Bool, isPrivate: Bool) throws -> RestoreTarget {
        let isMade = !Kernel.exists(path)
        if isMade { try Kernel.makeParentDirectories(of: path + "/x") }
        let root = try Kernel.open(path, [.readOnly, .directory])
        if isMade, isPrivate { try Kernel.changeMode(root, 0o700) }
        let names = try DirectoryNames(reading: root)
        if names.isEmpty { return RestoreTarget(root: root, isNew: true) }
        let found = try marker.find(in: root, isAlone: names.count == 1)
        switch found {
        case .begun:
            try RestoreMarker.remove(in: root)
            return RestoreTarget(root: root, isNew: true)
        case .same(let isSameBoot):
            return RestoreTarget(root: root, isNew: false, isMarked: true, trustsTimes: isSameBoot)
        case .other where !overwrite:
            throw StoreError(
                .preconditionFailed, "\(path) holds an unfinished restore of something else.",
                hint: "Choose another directory, or give --overwrite to replace what is there.")
        case nil where !overwrite:
            throw StoreError(
                .preconditionFailed, "\(path) is not empty.",
                hint: "Choose another directory, or give --overwrite to make it equal to the snapshot.")
        case .other, nil: break
        }
        // What was restored there may forbid its owner to write.
        if isPrivate, !Kernel.isRoot { try? Kernel.changeMode(root, 0o700) }
        if case .other = found { try TreeRemover.remove(RestoreMarker.name, in: root) }
        return RestoreTarget(root: root, isNew: false)
    }
}
