import NIOCore
import SnapDigest
import SnapServer
import Testing

/// The limit on tokens that are worth nothing, with a clock that the test drives.
@Suite struct FailedTokensTests {
    private static func address(_ text: String) throws -> ClientAddress {
        ClientAddress(try SocketAddress(ipAddress: text, port: 1))
    }

    private static func digest(_ number: Int) throws -> Digest {
        try SHA256().digest(withUnsafeBytes(of: number) { Array($0) })
    }

    private static func isRefused(_ admission: FailedTokens.Admission) -> Bool {
        if case .refused = admission { true } else { false }
    }

    @Test func anAddressMayFailSoOftenAndThenAtARate() throws {
        var tokens = FailedTokens()
        let here = try Self.address("192.0.2.1")
        for number in 0..<FailedTokens.burst {
            #expect(!Self.isRefused(tokens.admit(here, number % 2 == 0 ? nil : try Self.digest(number), at: 1000)))
        }
        #expect(tokens.admit(here, nil, at: 1000) == .refused(retryAfterSeconds: 3))
        #expect(tokens.admit(here, nil, at: 3001) == .refused(retryAfterSeconds: 1))
        // Refusals cost nothing more; and after each wait there is one.
        for second in stride(from: Int64(4000), to: 40_000, by: 3000) {
            #expect(!Self.isRefused(tokens.admit(here, nil, at: second)))
            #expect(tokens.admit(here, nil, at: second) == .refused(retryAfterSeconds: 3))
        }
        #expect(!Self.isRefused(tokens.admit(try Self.address("192.0.2.2"), nil, at: 4000)))
        // All is forgotten after a minute.
        let quiet = Int64(40_000 + 60_000)
        let free = (0..<100).filter { _ in !Self.isRefused(tokens.admit(here, nil, at: quiet)) }
        #expect(free.count == FailedTokens.burst)
    }

    @Test func aTokenThatWasValidLatelyPassesWhateverItsAddressDoes() throws {
        var tokens = FailedTokens(burst: 2)
        let proxy = try Self.address("127.0.0.1")
        let (good, new) = (try Self.digest(1), try Self.digest(2))
        let first = tokens.admit(proxy, good, at: 0)
        tokens.settle(first, good, isValid: true)
        // What was valid has cost nothing.
        for _ in 0..<2 { #expect(!Self.isRefused(tokens.admit(proxy, nil, at: 0))) }
        #expect(Self.isRefused(tokens.admit(proxy, nil, at: 0)))
        #expect(tokens.admit(proxy, good, at: 0) == .known)
        #expect(tokens.admit(proxy, new, at: 0) == .refused(retryAfterSeconds: 3))
        let later = tokens.admit(proxy, new, at: 3000)
        #expect(later == .counted(proxy))
        tokens.settle(later, new, isValid: true)
        #expect(tokens.admit(proxy, new, at: 3000) == .known)
        // One that is revoked is like any other from then on.
        tokens.settle(.known, good, isValid: false)
        #expect(!Self.isRefused(tokens.admit(proxy, good, at: 3000)))
        #expect(tokens.admit(proxy, good, at: 3000) == .refused(retryAfterSeconds: 3))
    }

    @Test func manyAtOnceAreNoWayAround() throws {
        var tokens = FailedTokens(burst: 5)
        let here = try Self.address("2001:db8::1")
        let digests = try (0..<100).map(Self.digest)
        let admitted = digests.map { tokens.admit(here, $0, at: 7) }
        #expect(admitted.count { !Self.isRefused($0) } == 5)
        for (admission, digest) in zip(admitted, digests) where !Self.isRefused(admission) {
            tokens.settle(admission, digest, isValid: false)
        }
        #expect(Self.isRefused(tokens.admit(here, nil, at: 7)))
    }

    @Test func itsMemoryIsBounded() throws {
        var tokens = FailedTokens()
        // Many networks at once, and over some minutes.
        for number in 0..<100_000 {
            let (high, low) = (String(number >> 16, radix: 16), String(number & 0xffff, radix: 16))
            let address = try Self.address("2001:db8:\(high):\(low)::1")
            _ = tokens.admit(address, nil, at: Int64(number) * 2)
            if number % 4096 == 0 { #expect(tokens.rememberedAddresses <= FailedTokens.addressesMax) }
        }
        #expect(tokens.rememberedAddresses <= FailedTokens.addressesMax)
        for number in 0..<20_000 {
            let digest = try Self.digest(number)
            tokens.settle(.known, digest, isValid: true)
        }
        #expect(tokens.rememberedTokens <= FailedTokens.knownMax)
        #expect(tokens.admit(.none, try Self.digest(19_999), at: 0) == .known)
        #expect(tokens.admit(.none, try Self.digest(19_000), at: 0) == .known)
    }

    @Test func addressesAreToldApartAsClientsAre() throws {
        #expect(try Self.address("192.0.2.1") != Self.address("192.0.2.2"))
        #expect(try Self.address("192.0.2.1") == Self.address("::ffff:192.0.2.1"))
        #expect(try Self.address("2001:db8::1") == Self.address("2001:db8::ffff:1"))
        #expect(try Self.address("2001:db8::1") != Self.address("2001:db8:0:1::1"))
        #expect(try Self.address("192.0.2.1") != Self.address("::c000:201"))
        #expect(ClientAddress(nil) == .none)
    }
}
