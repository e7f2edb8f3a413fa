internal import Glibc

/// The one door to the kernel: system calls as throwing functions, interrupted ones repeated.
///
/// Names and paths are bytes. Functions with a directory and a name never follow a symbolic link.
package enum Kernel {
    /// Calls `body` until it is not interrupted.
    static func call(_ operation: String, _ path: @autoclosure () -> [UInt8], _ body: () -> CInt) throws(IOError)
        -> CInt
    {
        while true {
            let result = body()
            if result >= 0 { return result }
            let code = errno
            if code != EINTR { throw IOError(errno: code, operation: operation, path: path()) }
        }
    }

    /// Calls `body` until it is not interrupted; for calls that count bytes.
    static func count(_ operation: String, _ path: @autoclosure () -> [UInt8], _ body: () -> Int) throws(IOError)
        -> Int
    {
        while true {
            let result = body()
            if result >= 0 { return result }
            let code = errno
            if code != EINTR { throw IOError(errno: code, operation: operation, path: path()) }
        }
    }

    /// Calls `body` with `bytes` as a C string. Bytes with a NUL are EINVAL: the kernel would cut them short.
    static func withCString<Result>(
        _ bytes: [UInt8], _ body: (UnsafePointer<CChar>) throws(IOError) -> Result
    ) throws(IOError) -> Result {
        guard !bytes.contains(0) else { throw IOError(errno: EINVAL, operation: "name", path: bytes) }
        var terminated = bytes
        terminated.append(0)
        let outcome = terminated.withUnsafeBufferPointer { buffer -> Swift.Result<Result, IOError> in
            guard let base = buffer.baseAddress else {
                return .failure(IOError(errno: EINVAL, operation: "name", path: bytes))
            }
            return base.withMemoryRebound(to: CChar.self, capacity: buffer.count) { pointer in
                do throws(IOError) { return .success(try body(pointer)) } catch { return .failure(error) }
            }
        }
        return try outcome.get()
    }
}
