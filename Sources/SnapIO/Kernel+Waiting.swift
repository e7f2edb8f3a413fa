internal import Glibc

extension Kernel {
    /// Waits until a pipe or terminal has something to read, or has ended; a regular file always has.
    ///
    /// - Returns: Whether it has, within the time.
    package static func waitUntilReadable(_ file: Descriptor, milliseconds: CInt) throws(IOError) -> Bool {
        var wanted = pollfd(fd: file.number, events: Int16(POLLIN), revents: 0)
        return try call("poll", []) { poll(&wanted, 1, milliseconds) } > 0
    }
}
