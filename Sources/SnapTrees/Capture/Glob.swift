/// The wildcard pattern of one path component: `*`, `?`, `[…]`, `\` before a literal.
///
/// Matching takes at most pattern length × name length steps: after a mismatch only the last `*` is tried again.
package struct Glob: Sendable, Hashable {
    enum Token: Sendable, Hashable {
        case byte(UInt8)
        case anyByte
        case anyRun
        case oneOf(ByteSet)
    }

    private let tokens: [Token]

    /// The pattern between two slashes; nil if it can match nothing: a `[` without its `]`, a `\` before nothing.
    package init?(_ pattern: ArraySlice<UInt8>) {
        var tokens: [Token] = []
        var rest = pattern
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "*"):
                if tokens.last != .anyRun { tokens.append(.anyRun) }
            case UInt8(ascii: "?"):
                tokens.append(.anyByte)
            case UInt8(ascii: "["):
                guard let set = ByteSet(bracket: &rest) else { return nil }
                tokens.append(.oneOf(set))
            case UInt8(ascii: "\\"):
                guard let literal = rest.popFirst() else { return nil }
                tokens.append(.byte(literal))
            default:
                tokens.append(.byte(byte))
            }
        }
        self.tokens = tokens
    }

    package func matches(_ name: ArraySlice<UInt8>) -> Bool {
        var position = name.startIndex
        var token = 0
        var retry: (token: Int, position: Int)?
        while position < name.endIndex {
            if token < tokens.count, tokens[token] == .anyRun {
                token += 1
                retry = (token, position)
            } else if token < tokens.count, accepts(tokens[token], name[position]) {
                token += 1
                position += 1
            } else if let last = retry {
                // The last `*` takes one byte more.
                position = last.position + 1
                token = last.token
                retry = (token, position)
            } else {
                return false
            }
        }
        return tokens[token...].allSatisfy { $0 == .anyRun }
    }

    private func accepts(_ token: Token, _ byte: UInt8) -> Bool {
        switch token {
        case .byte(let literal): literal == byte
        case .anyByte: true
        case .oneOf(let set): set.contains(byte)
        case .anyRun: false
        }
    }
}

/// A set of byte values, as a bracket expression gives one.
struct ByteSet: Sendable, Hashable {
    private var words: SIMD4<UInt64> = .zero

    /// Reads a bracket expression whose `[` has been read, up to and with its `]`; nil if that is missing or a class has
    /// an unknown name.
    init?(bracket rest: inout ArraySlice<UInt8>) {
        var negated = false
        if let first = rest.first, first == UInt8(ascii: "!") || first == UInt8(ascii: "^") {
            negated = true
            rest.removeFirst()
        }
        var isFirst = true
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "]"), !isFirst {
                if negated { words = ~words }
                return
            }
            isFirst = false
            if byte == UInt8(ascii: "["), rest.first == UInt8(ascii: ":") {
                guard insertClass(&rest) else { return nil }
                continue
            }
            guard let low = ByteSet.literal(byte, &rest) else { return nil }
            guard rest.first == UInt8(ascii: "-"), let after = rest.dropFirst().first, after != UInt8(ascii: "]")
            else {
                insert(low)
                continue
            }
            rest.removeFirst()
            guard let next = rest.popFirst(), let high = ByteSet.literal(next, &rest) else { return nil }
            if low <= high { (low...high).forEach { insert($0) } }
        }
        return nil
    }

    func contains(_ byte: UInt8) -> Bool { words[Int(byte >> 6)] & (1 << UInt64(byte & 63)) != 0 }

    private mutating func insert(_ byte: UInt8) { words[Int(byte >> 6)] |= 1 << UInt64(byte & 63) }

    private static func literal(_ byte: UInt8, _ rest: inout ArraySlice<UInt8>) -> UInt8? {
        byte == UInt8(ascii: "\\") ? rest.popFirst() : byte
    }

    /// A class such as `[:alpha:]`, in the C locale, whose first `[` has been read.
    private mutating func insertClass(_ rest: inout ArraySlice<UInt8>) -> Bool {
        let body = rest.dropFirst()
        guard let end = body.firstIndex(of: UInt8(ascii: ":")), body[(end + 1)...].first == UInt8(ascii: "]"),
            let members = ByteSet.classes[String(decoding: body[..<end], as: UTF8.self)]
        else { return false }
        for range in members { range.forEach { insert($0) } }
        rest = body[(end + 2)...]
        return true
    }

    private static let classes: [String: [ClosedRange<UInt8>]] = [
        "alnum": [48...57, 65...90, 97...122], "alpha": [65...90, 97...122], "blank": [9...9, 32...32],
        "cntrl": [0...31, 127...127], "digit": [48...57], "graph": [33...126], "lower": [97...122],
        "print": [32...126], "punct": [33...47, 58...64, 91...96, 123...126], "space": [9...13, 32...32],
        "upper": [65...90], "xdigit": [48...57, 65...70, 97...102],
    ]
}
