internal import SnapModel

/// Access control lists as tar has them, text in pax records: `user::rw-,user:1000:r--,…`; and as the kernel does.
package enum TarACL {
    /// Why a text is no list.
    package enum Fault: Error, Hashable {
        /// Not of the form.
        case malformed
        /// It names an account that is not known here.
        case unknownAccount([UInt8])
    }

    /// Finds the number of a user or a group by its name.
    package typealias Accounts = (_ isGroup: Bool, _ name: [UInt8]) -> UInt32?

    private struct Item {
        var tag: UInt16
        var permissions: UInt16
        var id: UInt32
    }

    /// What the kernel gives entries that stand for no account of their own.
    private static let noID = UInt32.max
    private static let words: [(tag: UInt16, word: String)] = [
        (0x01, "user"), (0x02, "user"), (0x04, "group"), (0x08, "group"), (0x10, "mask"), (0x20, "other"),
    ]

    /// The text of an attribute's value, with numbers for accounts; nil when it is no list that a text can say.
    package static func text(_ value: [UInt8]) -> [UInt8]? {
        guard value.count > 4, (value.count - 4) % 8 == 0 else { return nil }
        var parts: [String] = []
        for start in stride(from: 4, to: value.count, by: 8) {
            func number(_ range: Range<Int>) -> UInt32 {
                range.reversed().reduce(0) { $0 << 8 | UInt32(value[start + $1]) }
            }
            guard let word = words.first(where: { UInt32($0.tag) == number(0..<2) })?.word else { return nil }
            let permissions = number(2..<4)
            let id = number(4..<8)
            let letters = zip([4, 2, 1] as [UInt32], ["r", "w", "x"]).map { permissions & $0 != 0 ? $1 : "-" }
            parts.append("\(word):\(id == noID ? "" : String(id)):\(letters.joined())")
        }
        let text = Array(parts.joined(separator: ",").utf8)
        // Whatever a text does not say, such as an entry with a wrong number, is found here.
        guard case .success(value) = parse(text, accounts: { _, _ in nil }) else { return nil }
        return text
    }

    /// The value of an attribute from a text as star, GNU tar and libarchive write it.
    package static func parse(_ text: [UInt8], accounts: Accounts) -> Result<[UInt8], Fault> {
        var items: [Item] = []
        for line in text.split(whereSeparator: { $0 == UInt8(ascii: ",") || $0 == UInt8(ascii: "\n") }) {
            let visible = line.prefix { $0 != UInt8(ascii: "#") }.filter { $0 > 0x20 }
            if visible.isEmpty { continue }
            switch item(visible, accounts) {
            case .success(let item): items.append(item)
            case .failure(let fault): return .failure(fault)
            }
        }
        guard !items.isEmpty else { return .failure(.malformed) }
        var writer = ByteWriter()
        writer.fixed(UInt32(2))
        for item in items {
            writer.fixed(item.tag)
            writer.fixed(item.permissions)
            writer.fixed(item.id)
        }
        return .success(PosixACL.canonical(writer.bytes))
    }

    /// Whether a list says no more than the mode does: the kernel keeps none then.
    package static func isMode(_ value: [UInt8]) -> Bool {
        value.count == 4 + 3 * 8 && [4, 12, 20].map { value[$0] } == [0x01, 0x04, 0x20]
    }

    /// The permissions that a file with this list has: the kernel shows the mask as those of the group. Programs may say
    /// those of the group itself. nil when the list lacks one.
    package static func mode(_ value: [UInt8]) -> UInt16? {
        guard text(value) != nil else { return nil }
        var bits: [UInt8: UInt16] = [:]
        for start in stride(from: 4, to: value.count, by: 8) { bits[value[start]] = UInt16(value[start + 2]) }
        guard let user = bits[0x01], let group = bits[0x10] ?? bits[0x04], let other = bits[0x20] else { return nil }
        return user << 6 | group << 3 | other
    }

    /// `TAG:ACCOUNT:PERMISSIONS`, then perhaps `:NUMBER` of the account; for mask and other also without the account.
    private static func item(_ line: [UInt8], _ accounts: Accounts) -> Result<Item, Fault> {
        var fields = line.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false).map { Array($0) }
        let word = String(decoding: fields[0], as: UTF8.self)
        if fields.count == 2, word.hasPrefix("m") || word.hasPrefix("o") { fields.insert([], at: 1) }
        guard (3...4).contains(fields.count), let permissions = permissions(fields[2]) else {
            return .failure(.malformed)
        }
        var item = Item(tag: 0, permissions: permissions, id: noID)
        switch word {
        case "user", "u": item.tag = fields[1].isEmpty ? 0x01 : 0x02
        case "group", "g": item.tag = fields[1].isEmpty ? 0x04 : 0x08
        case "mask", "m": item.tag = 0x10
        case "other", "o": item.tag = 0x20
        default: return .failure(.malformed)
        }
        guard item.tag == 0x02 || item.tag == 0x08 else {
            return fields[1].isEmpty ? .success(item) : .failure(.malformed)
        }
        let numbers = [fields[1]] + fields.dropFirst(3)
        let id =
            numbers.compactMap { TarNumber.decimal($0).flatMap { UInt32(exactly: $0) } }.first
            ?? accounts(item.tag == 0x08, fields[1])
        guard let id, id <= Limits.idMax else { return .failure(.unknownAccount(fields[1])) }
        item.id = id
        return .success(item)
    }

    private static func permissions(_ text: [UInt8]) -> UInt16? {
        var bits: UInt16 = 0
        for letter in text {
            switch letter {
            case UInt8(ascii: "r"): bits |= 4
            case UInt8(ascii: "w"): bits |= 2
            case UInt8(ascii: "x"): bits |= 1
            case UInt8(ascii: "-"): break
            default: return nil
            }
        }
        return bits
    }
}
