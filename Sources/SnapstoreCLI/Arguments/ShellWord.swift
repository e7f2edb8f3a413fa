/// Bytes as one word that a shell, and `env -S`, read back as they are: what is special stands between single quotes,
/// but for quotes and backslashes, which the two only agree on outside of them.
enum ShellWord {
    static func quoted(_ bytes: [UInt8]) -> [UInt8] {
        var word: [UInt8] = []
        var isQuoted = false
        func switchQuotes(_ wanted: Bool) {
            if wanted != isQuoted { word.append(0x27) }
            isQuoted = wanted
        }
        for byte in bytes {
            if byte == 0x27 || byte == 0x5c {
                switchQuotes(false)
                word.append(0x5c)
            } else if !isPlain(byte) {
                switchQuotes(true)
            }
            word.append(byte)
        }
        switchQuotes(false)
        return word
    }

    /// What no shell looks at twice. Letters, digits and `% + , - . / : = @ _`.
    private static func isPlain(_ byte: UInt8) -> Bool {
        (48...58).contains(byte) || (64...90).contains(byte) || (97...122).contains(byte)
            || [37, 43, 44, 45, 46, 47, 61, 95].contains(byte)
    }
}
