import SnapTrees

extension Step {
    /// Frames of 512 KiB of data that compresses to about half.
    static var frames: [Step] {
        let bytes = 32 << 20
        return [PipelineBenchmark.Part.compress, .decompress].flatMap { part in
            [1, 2].map { threads in
                Step("frame: \(part.rawValue), \(threads == 1 ? "1 thread" : "2 threads")", bytes * threads, .bytes) {
                    let pipeline = try PipelineBenchmark(bytes: bytes) {}
                    return { _ = try pipeline.run(part, threads: threads) }
                }
            }
        }
    }
}
