internal import SnapModel

/// Where the packs of one writer go.
struct PackOutput {
    let backend: any PackBackend
    let scope: String
    let allocate: () throws -> PackID
    let sealed: (SealedPack) throws -> Void
}

/// One stream of frames, cut into packs. The first pack begins once there is enough to keep it apart from the others.
final class PackLane {
    private final class Open {
        let id: PackID
        let upload: any PackUpload
        var index = PackIndex()
        var bytes = UInt64(PackIndex.header.count)

        init(id: PackID, upload: any PackUpload) {
            self.id = id
            self.upload = upload
        }
    }

    private let output: PackOutput
    var frame = RawFrame()
    private var held: [StoredFrame] = []
    private(set) var heldBytes = 0
    private var heldObjects = 0
    private var open: Open?
    private(set) var hasBegun = false

    init(output: PackOutput) {
        self.output = output
    }

    func write(_ frame: StoredFrame) throws {
        guard hasBegun else {
            held.append(frame)
            heldBytes += frame.stored.count
            heldObjects += frame.objects.count
            if heldBytes >= PackWriter.mixedBytesMax || heldObjects >= PackWriter.packObjects { try writeHeld() }
            return
        }
        try append(frame)
    }

    private func writeHeld() throws {
        hasBegun = true
        let frames = held
        held = []
        heldBytes = 0
        for frame in frames { try append(frame) }
    }

    /// Takes over what another lane holds back.
    func take(from other: PackLane) {
        held += other.held
        heldBytes += other.heldBytes
        other.held = []
        other.heldBytes = 0
    }

    private func append(_ frame: StoredFrame) throws {
        let pack = try open ?? begin()
        try frame.stored.withUnsafeBytes { try pack.upload.append($0) }
        pack.index.append(
            FrameInfo(
                offset: pack.bytes, storedBytes: UInt32(clamping: frame.stored.count), rawBytes: frame.rawBytes,
                codec: frame.codec, check: frame.check),
            objects: frame.objects)
        pack.bytes += UInt64(frame.stored.count)
        if pack.bytes >= PackWriter.packBytes || pack.index.objects.count >= PackWriter.packObjects { try seal() }
    }

    private func begin() throws -> Open {
        let id = try output.allocate()
        let upload = try output.backend.begin(scope: output.scope, id: id)
        let pack = Open(id: id, upload: upload)
        // Set before writing: an upload that fails must be there to be abandoned.
        open = pack
        try PackIndex.header.withUnsafeBytes { try upload.append($0) }
        return pack
    }

    private func seal() throws {
        guard let pack = open else { return }
        let footer = try pack.index.encode()
        try footer.withUnsafeBytes { try pack.upload.append($0) }
        try pack.upload.finish()
        open = nil
        try output.sealed(SealedPack(id: pack.id, index: pack.index, bytes: pack.bytes + UInt64(footer.count)))
    }

    func finish() throws {
        if !held.isEmpty { try writeHeld() }
        try seal()
    }

    func abandon() {
        open?.upload.abandon()
        open = nil
        held = []
        heldBytes = 0
    }
}
