/// What a walk is to leave out.
struct WalkBounds {
    var exclude = ExcludePatterns()
    /// Keep directories on other file systems empty.
    var oneFileSystem = false
    /// A directory that is left out altogether: the store.
    var store: NodeStatus?
}
