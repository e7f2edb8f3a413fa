package import NIOCore

/// Where a request comes from, as far as limits tell clients apart: an IPv4 address, or the first 64 bits of an IPv6 one,
/// which is the least that one client is given.
package struct ClientAddress: Hashable, Sendable {
    private let bits: UInt64

    /// For everything without an address: one client.
    package static let none = ClientAddress(bits: 0)

    private init(bits: UInt64) { self.bits = bits }

    package init(_ address: SocketAddress?) {
        // sockaddr_in and sockaddr_in6 as the kernel lays them out: an address is behind 4 or 8 bytes.
        switch address {
        case .v4: self = address.map { Self.bytes($0, 4..<8) }.map(Self.v4) ?? .none
        case .v6: self = address.map { Self.bytes($0, 8..<24) }.map(Self.v6) ?? .none
        case .unixDomainSocket, nil: self = .none
        }
    }

    private static func bytes(_ address: SocketAddress, _ range: Range<Int>) -> [UInt8] {
        address.withSockAddr { pointer, size in
            Array(UnsafeRawBufferPointer(start: pointer, count: size).dropFirst(range.lowerBound).prefix(range.count))
        }
    }

    /// Beside every prefix of IPv6 that is given out: those begin with 001.
    private static func v4(_ bytes: some Sequence<UInt8>) -> ClientAddress {
        ClientAddress(bits: bytes.reduce(0xffff) { $0 << 8 | UInt64($1) })
    }

    private static func v6(_ bytes: [UInt8]) -> ClientAddress {
        // An IPv4 client of a socket that takes both: ::ffff:a.b.c.d.
        let mapped = [UInt8](repeating: 0, count: 10) + [0xff, 0xff]
        if bytes.starts(with: mapped) { return v4(bytes.dropFirst(mapped.count)) }
        return ClientAddress(bits: bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) })
    }
}
