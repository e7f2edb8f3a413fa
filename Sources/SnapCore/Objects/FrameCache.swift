internal import Glibc

/// Decoded frames of the last reads, bounded in bytes; the least recently used goes first.
///
/// Of several threads that want a frame which is not there, one decodes it and the others wait: files that lie side by
/// side in a frame are written side by side, too.
final class FrameCache: @unchecked Sendable {
    // Guarded by `mutex`; pthread primitives because a Swift Mutex has no condition to wait for.
    private var mutex = pthread_mutex_t()
    private var changed = pthread_cond_t()
    private var frames: [Int64: (bytes: [UInt8], used: UInt64)] = [:]
    private var loading: Set<Int64> = []
    private var bytes = 0
    private var clock: UInt64 = 0

    private let bytesMax: Int

    init(bytesMax: Int) {
        self.bytesMax = bytesMax
        pthread_mutex_init(&mutex, nil)
        pthread_cond_init(&changed, nil)
    }

    deinit {
        pthread_cond_destroy(&changed)
        pthread_mutex_destroy(&mutex)
    }

    /// The bytes of a frame, which `load` reads where they are not kept. An error is that of whoever meets it: the next
    /// one tries again.
    func frame(_ id: Int64, load: () throws -> [UInt8]) throws -> [UInt8] {
        if let found = takeOrClaim(id) { return found }
        do {
            let loaded = try load()
            locked {
                loading.remove(id)
                insert(id, loaded)
                pthread_cond_broadcast(&changed)
            }
            return loaded
        } catch {
            locked {
                loading.remove(id)
                pthread_cond_broadcast(&changed)
            }
            throw error
        }
    }

    func remove(_ id: Int64) {
        locked {
            if let old = frames.removeValue(forKey: id) { bytes -= old.bytes.count }
        }
    }

    /// What is kept; nil when the caller is to load it.
    private func takeOrClaim(_ id: Int64) -> [UInt8]? {
        locked {
            while true {
                if let found = frames[id] {
                    clock += 1
                    frames[id] = (found.bytes, clock)
                    return found.bytes
                }
                guard loading.contains(id) else { break }
                pthread_cond_wait(&changed, &mutex)
            }
            loading.insert(id)
            return nil
        }
    }

    private func insert(_ id: Int64, _ loaded: [UInt8]) {
        if let old = frames[id] { bytes -= old.bytes.count }
        clock += 1
        frames[id] = (loaded, clock)
        bytes += loaded.count
        while bytes > bytesMax, frames.count > 1, let oldest = frames.min(by: { $0.value.used < $1.value.used }) {
            frames[oldest.key] = nil
            bytes -= oldest.value.bytes.count
        }
    }

    private func locked<Result>(_ body: () throws -> Result) rethrows -> Result {
        pthread_mutex_lock(&mutex)
        defer { pthread_mutex_unlock(&mutex) }
        return try body()
    }
}
