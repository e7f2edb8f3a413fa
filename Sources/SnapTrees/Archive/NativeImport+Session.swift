package import SnapCore

extension NativeImport {
    /// Puts the objects into a session of the store.
    package init(session: Session, progress: Progress = Progress()) {
        self.init(
            put: { try session.put($0, $1) },
            readBack: {
                try session.flush()
                return { try session.read($0) }
            }, progress: progress)
    }
}
