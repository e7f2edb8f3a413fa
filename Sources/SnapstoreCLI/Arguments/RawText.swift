import SnapModel

/// Arguments as the kernel gives them are bytes; the parser takes text. An argument that is not UTF-8 goes through it
/// with each byte from 0x80 up as one scalar of a private plane, and comes out as the bytes that it was.
enum RawText {
    /// 0x80 … 0xff are U+10FE80 … U+10FEFF.
    private static let base: UInt32 = 0x10_fe00

    /// The arguments of this process, without the program's name.
    static func arguments() -> [String] {
        (1..<max(1, Int(CommandLine.argc))).compactMap { number in
            CommandLine.unsafeArgv[number].map { pointer in
                text(of: Array(UnsafeRawBufferPointer(start: pointer, count: length(pointer))))
            }
        }
    }

    private static func length(_ pointer: UnsafePointer<CChar>) -> Int {
        var count = 0
        while pointer[count] != 0 { count += 1 }
        return count
    }

    static func text(of bytes: [UInt8]) -> String {
        // Text that holds such scalars by itself is taken apart too: what comes out is always what went in.
        if let text = String(validating: bytes, as: UTF8.self), !isRaw(text) { return text }
        var text = ""
        for byte in bytes {
            guard byte >= 0x80, let scalar = UnicodeScalar(base + UInt32(byte)) else {
                text.unicodeScalars.append(UnicodeScalar(byte))
                continue
            }
            text.unicodeScalars.append(scalar)
        }
        return text
    }

    /// Whether the text stands for bytes that are not UTF-8.
    static func isRaw(_ text: String) -> Bool { text.unicodeScalars.contains { byte(of: $0) != nil } }

    static func bytes(of text: String) -> [UInt8] {
        guard isRaw(text) else { return Array(text.utf8) }
        return text.unicodeScalars.flatMap { scalar in byte(of: scalar).map { [$0] } ?? Array(String(scalar).utf8) }
    }

    private static func byte(of scalar: UnicodeScalar) -> UInt8? {
        guard scalar.value >= base + 0x80, scalar.value <= base + 0xff else { return nil }
        return UInt8(truncatingIfNeeded: scalar.value - base)
    }

    /// Text for people, of one or several lines: what is not printable is escaped.
    static func printable(_ text: String) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            let bytes = bytes(of: String(line))
            // A backslash in a message is most likely an escape already.
            return bytes.split(separator: 0x5c, omittingEmptySubsequences: false).map { escaped(Array($0)) }
                .joined(separator: "\\")
        }.joined(separator: "\n")
    }
}
