/// Where packs are kept: a narrow interface, so that a directory, memory or an object store can stand behind it.
///
/// Every back end passes the same suite of tests. `scope` is the name of an organisation or `public`.
package protocol PackBackend: Sendable {
    /// Begins a pack that is not there yet.
    func begin(scope: String, id: PackID) throws -> any PackUpload
    /// Exactly `count` bytes.
    ///
    /// - Throws: ``PackError/Code/missing`` when there is no such pack, ``PackError/Code/corrupt`` when it is shorter.
    func read(scope: String, id: PackID, offset: UInt64, count: Int) throws -> [UInt8]
    func size(scope: String, id: PackID) throws -> UInt64
    func list(scope: String) throws -> [PackID]
    /// Removes a pack for good: it does not come back after a power cut. That it is gone already is no failure.
    func delete(scope: String, id: PackID) throws
    func scopes() throws -> [String]
}

/// A pack being written. Invisible until ``finish()``.
package protocol PackUpload: AnyObject {
    func append(_ bytes: UnsafeRawBufferPointer) throws
    /// Makes the pack durable under its name; only then it exists.
    func finish() throws
    /// Removes what was written.
    func abandon()
}
