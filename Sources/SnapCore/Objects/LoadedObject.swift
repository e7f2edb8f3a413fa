/// One of several objects that were asked for together: its number among them, and its bytes, equal to its digest.
///
/// The bytes lie in a decoded frame, which goes when the call ends that was given them. Neighbours there are neighbours in
/// memory.
package struct LoadedObject {
    package let number: Int
    package let bytes: UnsafeRawBufferPointer

    package init(number: Int, bytes: UnsafeRawBufferPointer) {
        self.number = number
        self.bytes = bytes
    }
}
