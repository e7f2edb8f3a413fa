// Makes a store of so many objects, for Benchmarks/scale.
//
//   swift run -c release synthetic-store DIR OBJECTS        (a directory that does not exist)
//
// Captures trees that are made up as they are walked: each of 24,600 files of 8,000 bytes, all different, in 246
// directories; together with their nodes about 25,000 objects, which take 26 MB. Snapshots are named synthetic:0,
// synthetic:1 and so on.

import Glibc
import SnapCore
import SnapIO
import SnapModel
import SnapTrees

func run(_ path: String, objects: Int) throws {
    let store = try Store.open(path: path, create: true)
    defer { store.close() }
    var (made, number) = (0, 0)
    while made < objects {
        let session = try store.beginSession(.create, org: "local")
        defer { session.end() }
        var options = CaptureOptions(kind: .directory)
        options.storePath = path
        let files = min(SyntheticTree.filesMax, max(1, objects - made))
        let captured = try Capture(sink: SessionSink(session, org: "local"), options: options)
            .run(source: SyntheticTree(number: number, files: files))
        var draft = SnapshotDraft(
            name: "synthetic", tag: String(number), manifest: captured.manifest, kind: captured.kind.rawValue)
        draft.logicalBytes = Int64(clamping: captured.logicalBytes)
        draft.fileCount = Int64(clamping: captured.fileCount)
        draft.chunkCount = Int64(clamping: captured.chunkCount)
        _ = try session.commit(draft)
        made += session.newObjects
        number += 1
    }
    print("\(made) objects in \(number) snapshots")
}

let arguments = CommandLine.arguments
guard arguments.count == 3, let objects = Int(arguments[2]), objects > 0 else {
    print("usage: synthetic-store DIR OBJECTS")
    exit(2)
}
do {
    try run(arguments[1], objects: objects)
} catch {
    print("synthetic-store: \(error)")
    exit(1)
}
