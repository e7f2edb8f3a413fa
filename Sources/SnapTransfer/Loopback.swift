/// Which hosts are this machine itself: tokens go in the clear to no other.
package enum Loopback {
    /// - Parameter host: A name or an address, without the brackets that URLs have around one of IPv6.
    package static func isLoopback(_ host: String) -> Bool {
        host == "localhost" || host == "::1" || host.wholeMatch(of: /127(\.\d{1,3}){3}/) != nil
    }
}
