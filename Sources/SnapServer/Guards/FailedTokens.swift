package import SnapDigest

/// Refuses clients that have sent too many tokens that are worth nothing, before the catalogue is asked.
///
/// Nobody guesses 256 random bits; what this bounds is the work and the log that trying makes. Each address may fail
/// ``burst`` times at once, and then once in ``millisecondsPerFailure``.
///
/// **Others behind the same address.** Where a proxy stands before the server, all clients have its address. So a token that
/// was valid lately is let through whatever its address has done: only tokens that are not known are refused, those of a
/// new client behind such an address too, until it is quiet again or a new one has had the luck of a turn. What a proxy
/// says of its clients (`X-Forwarded-For`) is not believed: without a proxy, anybody could say it.
///
/// Memory: at most ``addressesMax`` addresses and ``knownMax`` digests. Addresses beyond share one allowance.
package struct FailedTokens: Sendable {
    package static let burst = 20
    package static let millisecondsPerFailure: Int64 = 3000
    package static let addressesMax = 4096
    package static let knownMax = 4096

    package enum Admission: Hashable {
        /// The token was valid lately; what it is worth now is to be asked.
        case known
        /// A failure is counted already, so that many at once are not more than one after another; ``settle(_:_:isValid:)``
        /// takes it back.
        case counted(ClientAddress)
        case refused(retryAfterSeconds: Int64)
    }

    private let burst: Int
    /// When all that an address has done will be forgotten: each failure moves it on by ``millisecondsPerFailure``.
    private var forgotten: [ClientAddress: Int64] = [:]
    private var sweptAt = Int64.min
    /// Tokens that were valid lately: the newer half, and the older one, which goes when the newer is full.
    private var known: Set<Digest> = []
    private var olderKnown: Set<Digest> = []

    package init(burst: Int = Self.burst) { self.burst = max(1, burst) }

    /// - Parameters:
    ///   - digest: Of the token; nil when there is none, or what is sent is none.
    ///   - now: Milliseconds of a clock that never goes back.
    package mutating func admit(_ address: ClientAddress, _ digest: Digest?, at now: Int64) -> Admission {
        if let digest, known.contains(digest) || olderKnown.contains(digest) { return .known }
        let address = place(of: address, at: now)
        let next = max(forgotten[address] ?? now, now) + Self.millisecondsPerFailure
        let wait = next - now - Int64(burst) * Self.millisecondsPerFailure
        guard wait <= 0 else { return .refused(retryAfterSeconds: (wait + 999) / 1000) }
        forgotten[address] = next
        return .counted(address)
    }

    /// Notes what an admitted token turned out to be worth.
    package mutating func settle(_ admission: Admission, _ digest: Digest, isValid: Bool) {
        if isValid, case .counted(let address) = admission {
            forgotten[address]? -= Self.millisecondsPerFailure
        }
        if isValid, !known.contains(digest) {
            if known.count >= Self.knownMax / 2 { (known, olderKnown) = ([], known) }
            known.insert(digest)
        } else if !isValid {
            // Revoked, or past its time: from now on it counts as a failure.
            known.remove(digest)
            olderKnown.remove(digest)
        }
    }

    package var rememberedAddresses: Int { forgotten.count }
    package var rememberedTokens: Int { known.union(olderKnown).count }

    /// The address, or the one that stands for all that there is no room for.
    private mutating func place(of address: ClientAddress, at now: Int64) -> ClientAddress {
        guard forgotten[address] == nil, forgotten.count >= Self.addressesMax - 1 else { return address }
        // Not at each request of many addresses: nothing much is forgotten in less.
        if now - Self.millisecondsPerFailure >= sweptAt {
            sweptAt = now
            forgotten = forgotten.filter { $0.value > now }
        }
        return forgotten.count < Self.addressesMax - 1 ? address : .none
    }
}
