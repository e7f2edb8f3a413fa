@testable import SnapCatalogue
@testable import SnapCore
import SnapDigest
import SnapModel
import SnapPacks

nonisolated(unsafe) private let digest = try? SHA256().digest([])

/// Text within rows of the catalogue, by the first byte: what a job is to write when it ends, or, up to a zero byte, the
/// tags and then the labels of a deleted snapshot; and names of files in a store. (Values of columns have a test.)
@_cdecl("LLVMFuzzerTestOneInput")
func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let digest else { found("no digest") }
    var parts = Parts(bytes(start, count))
    let kind = parts.byte() % 3
    let input = parts.all()
    let text = String(decoding: input, as: UTF8.self)
    do {
        switch kind {
        case 0:
            let draft = try JobDraft.decode(text)
            let again = try draft.encoded()
            guard try JobDraft.decode(again).encoded() == again else { found("written down it is another job") }
            _ = try draft.commit?.record(id: [UInt8](repeating: 1, count: 16), org: 1, newBytes: 0)
        case 1:
            let texts = input.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false).map {
                String(decoding: $0, as: UTF8.self)
            }
            let record = RecordRow(
                uid: [UInt8](repeating: 1, count: input.last == 0xff ? 15 : 16), org: 1, name: "n", manifest: digest,
                object: digest,
                kind: "directory", visibility: "organization", parent: nil, creator: nil, createdMilliseconds: 1,
                logicalBytes: 1, uniqueBytes: 1, newBytes: 1, storedBytes: 1, fileCount: 1, chunkCount: 1)
            let deleted = try DeletedSnapshot(
                DeletedRecordRow(record, tags: texts[0], labels: texts.last ?? "", deletedMilliseconds: 1))
            let row = try DeletedSnapshot.row(
                record, tags: deleted.tags.map { TagRow(org: 1, name: $0.name, tag: $0.tag, record: [], version: 1) },
                labels: deleted.labels.map { ($0.key, $0.value) }, deletedMilliseconds: 1)
            if deleted.displayName.isEmpty { found("nothing to call it") }
            let again = try DeletedSnapshot(row)
            guard again.tags == deleted.tags, again.labels == deleted.labels else {
                found("written down it is another")
            }
        default:
            if let backup = CatalogueBackup(name: text, directory: "d"), backup.takenMilliseconds < 0 {
                found("a backup from before 1970")
            }
            if let pack = PackID(text), pack.description != text { found("a pack of another name") }
            if let id = RecordID(text), id.description != text { found("another record") }
        }
    } catch let error as CatalogueError where error.code == .corrupt {
    } catch {
        found("an error without a name: \(error)")
    }
    return 0
}
