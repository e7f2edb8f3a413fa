import SnapDigest
import SnapModel
import Testing

/// Every limit of an entry, at it and one past it: what is written can be read, and what cannot be read is not written.
@Suite struct EntryLimitTests {
    func accepts(_ entry: Entry) throws {
        #expect(try entry.reread() == entry)
    }

    func refuses(_ entry: Entry, _ code: FormatError.Code) {
        let error = #expect(throws: FormatError.self) { try entry.encoded() }
        #expect(error?.code == code)
    }

    @Test func names() throws {
        try accepts(.fifo([UInt8](repeating: 0x78, count: 1)))
        try accepts(.fifo([UInt8](repeating: 0x78, count: 255)))
        refuses(.fifo([UInt8](repeating: 0x78, count: 256)), .range)
    }

    /// Every byte but `/` and NUL may stand anywhere in a name.
    @Test func everyByteInAName() throws {
        for byte in UInt8.min...UInt8.max {
            for name in [[byte], [byte, 0x78], [0x78, byte], [0x78, byte, 0x78]] {
                if byte == 0 || byte == 0x2f || name == [0x2e] {
                    refuses(.fifo(name), .range)
                } else {
                    try accepts(.fifo(name))
                }
            }
        }
        refuses(.fifo(".."), .range)
        for name in ["...", "..a", ".a", "a..", " ", "~"] { try accepts(.fifo(name)) }
    }

    @Test func owners() throws {
        for id in [0, 1, UInt32(Int32.max), UInt32.max - 1] {
            try accepts(.fifo([1], .plain(uid: id)))
            try accepts(.fifo([1], .plain(gid: id)))
        }
        refuses(.fifo([1], .plain(uid: .max)), .range)
        refuses(.fifo([1], .plain(gid: .max)), .range)
    }

    @Test func modes() throws {
        for mode in 0...UInt16(0o7777) { try accepts(.fifo([1], .plain(mode: mode))) }
        refuses(.fifo([1], .plain(mode: 0o10000)), .range)
        refuses(.fifo([1], .plain(mode: .max)), .range)
    }

    @Test(arguments: [Int64.min, Int64.min + 1, -2_147_483_649, -1, 0, 1, 15_032_385_535, .max - 1, .max])
    func seconds(_ seconds: Int64) throws {
        try accepts(.fifo([1], .plain(seconds: seconds)))
    }

    @Test func nanoseconds() throws {
        try accepts(.fifo([1], .plain(nanoseconds: 999_999_999)))
        refuses(.fifo([1], .plain(nanoseconds: 1_000_000_000)), .range)
        refuses(.fifo([1], .plain(nanoseconds: .max)), .range)
    }

    @Test func linkTargets() throws {
        try accepts(.link("l", [0x2f]))
        try accepts(.link("l", [UInt8](repeating: 0x78, count: 4095)))
        refuses(.link("l", [UInt8](repeating: 0x78, count: 4096)), .limit)
        refuses(.link("l", []), .limit)
        refuses(.link("l", [0x78, 0, 0x78]), .limit)
        var link = Entry.link("l", [0x78])
        link.metadata.mode = 0o755
        refuses(link, .range)
    }

    @Test func devices() throws {
        for (major, minor) in [(UInt32.max, 0), (0, UInt32.max), (UInt32.max, UInt32.max)] {
            try accepts(
                Entry(name: [1], metadata: .plain(), node: .characterDevice(major: major, minor: minor)))
            try accepts(Entry(name: [1], metadata: .plain(), node: .blockDevice(major: major, minor: minor)))
        }
    }
}

/// Limits of extended attributes.
@Suite struct AttributeLimitTests {
    func entry(_ attributes: [ExtendedAttribute]) -> Entry { .fifo([1], .plain(attributes: attributes)) }

    func refuses(_ attributes: [ExtendedAttribute], _ code: FormatError.Code) {
        let error = #expect(throws: FormatError.self) { try entry(attributes).encoded() }
        #expect(error?.code == code)
    }

    @Test(arguments: [0, 1, 1023, 1024])
    func valuesByValue(_ count: Int) throws {
        let wanted = entry([ExtendedAttribute(name: [1], value: .inline([UInt8](repeating: 7, count: count)))])
        #expect(try wanted.reread() == wanted)
    }

    @Test(arguments: [1025, 65_535, 65_536])
    func valuesAsChunks(_ size: UInt32) throws {
        let wanted = entry([ExtendedAttribute(name: [1], value: .chunk(try digest("value"), size: size))])
        #expect(try wanted.reread() == wanted)
    }

    @Test func valuesInTheWrongForm() throws {
        refuses([ExtendedAttribute(name: [1], value: .inline([UInt8](repeating: 7, count: 1025)))], .range)
        for size: UInt32 in [0, 1024, 65_537, .max] {
            refuses([ExtendedAttribute(name: [1], value: .chunk(try digest("value"), size: size))], .limit)
        }
    }

    @Test func names() throws {
        let longest = entry([ExtendedAttribute(name: [UInt8](repeating: 0xff, count: 255), value: .inline([]))])
        #expect(try longest.reread() == longest)
        for name in [[], [UInt8](repeating: 0xff, count: 256), [0x78, 0]] {
            refuses([ExtendedAttribute(name: name, value: .inline([]))], .range)
        }
    }

    @Test func orderIsByBytesAndStrict() throws {
        let names: [[UInt8]] = [[0x61], [0x61, 0x62], [0x62], [0xc3, 0xa9], [0xff]]
        let sorted = entry(names.map { ExtendedAttribute(name: $0, value: .inline([1])) })
        #expect(try sorted.reread() == sorted)
        for index in names.indices.dropFirst() {
            var swapped = names
            swapped.swapAt(index - 1, index)
            refuses(swapped.map { ExtendedAttribute(name: $0, value: .inline([1])) }, .order)
            refuses([names[index], names[index]].map { ExtendedAttribute(name: $0, value: .inline([1])) }, .order)
        }
    }

    @Test(arguments: ["system.posix_acl_access", "system.posix_acl_default"])
    func accessControlListsAreWrittenInOrder(_ name: String) throws {
        let sorted: [UInt8] = [2, 0, 0, 0, 1, 0, 7, 0, 255, 255, 255, 255, 2, 0, 7, 0, 1, 0, 0, 0]
        let unsorted = Array(sorted[0..<4] + sorted[12..<20] + sorted[4..<12])
        let good = entry([ExtendedAttribute(name: Array(name.utf8), value: .inline(sorted))])
        #expect(try good.reread() == good)
        refuses([ExtendedAttribute(name: Array(name.utf8), value: .inline(unsorted))], .notCanonical)
        // Under another name they are just bytes.
        let other = entry([ExtendedAttribute(name: Array("user.acl".utf8), value: .inline(unsorted))])
        #expect(try other.reread() == other)
    }

    /// 128 KiB for a whole entry, to the byte.
    @Test func wholeEntries() throws {
        func make(_ last: Int) -> Entry {
            var attributes = (100..<227).map { number in
                ExtendedAttribute(name: Array("a\(number)".utf8), value: .inline([UInt8](repeating: 7, count: 1024)))
            }
            attributes.append(ExtendedAttribute(name: [0x62], value: .inline([UInt8](repeating: 7, count: last))))
            return entry(attributes)
        }
        let room = try (128 << 10) - make(100).encoded().count + 100
        let longest = make(room)
        #expect(try longest.encoded().count == 131_072)
        #expect(try longest.reread() == longest)
        let error = #expect(throws: FormatError.self) { try make(room + 1).encoded() }
        #expect(error?.code == .limit)
    }
}
