internal import SnapIO
internal import SnapModel
internal import SnapPacks

/// Finds the records in the packs of a store without a catalogue.
struct RecordScan {
    let layout: StoreLayout
    let disk: Disk

    func records() throws -> [RecordObject] {
        let backend = try LocalPackBackend(root: layout.packs, disk: disk)
        let decoder = try FrameDecoder()
        var records: [RecordObject] = []
        for scope in try backend.scopes() {
            for id in try backend.list(scope: scope) {
                guard let index = try? PackIndex.read(backend: backend, scope: scope, id: id) else { continue }
                for object in index.objects where object.key.kind == .record {
                    let info = index.frames[object.frame]
                    let stored = try backend.read(
                        scope: scope, id: id, offset: info.offset, count: Int(info.storedBytes))
                    guard let raw = try? decoder.decode(stored, info) else { continue }
                    let start = Int(object.position)
                    let bytes = Array(raw[start..<(start + Int(object.length))])
                    if let record = try? RecordObject.decode(bytes) { records.append(record) }
                }
            }
        }
        return records.sorted { $0.createdMilliseconds < $1.createdMilliseconds }
    }
}
