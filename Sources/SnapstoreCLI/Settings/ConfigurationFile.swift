import Glibc
import SnapCore
import SnapIO
import Snapstore

/// The configuration file: lines of `key = value`, those that begin with `#`, and empty ones.
struct ConfigurationFile {
    /// nil where neither XDG_CONFIG_HOME nor HOME says where it would be.
    let path: String?
    private(set) var lines: [String]

    private static let bytesMax = 64 << 10

    /// `$SNAPSTORE_CONFIG`, else `$XDG_CONFIG_HOME/snapstore/config`, else `~/.config/snapstore/config`.
    static var path: String? {
        if let path = environment("SNAPSTORE_CONFIG") { return path }
        // The XDG specification wants relative paths to be ignored.
        if let directory = environment("XDG_CONFIG_HOME"), directory.hasPrefix("/") {
            return directory + "/snapstore/config"
        }
        return environment("HOME").map { $0 + "/.config/snapstore/config" }
    }

    /// The file as it is; one without lines where there is none.
    static func read() throws(StoreError) -> ConfigurationFile {
        guard let path else { return ConfigurationFile(path: nil, lines: []) }
        let bytes: [UInt8]
        do {
            // Of a FIFO, reading would wait.
            guard try Kernel.status(of: Kernel.open(path, [.place])).type == .regular else {
                throw StoreError(.invalid, "The configuration \(path) is no file.")
            }
            bytes = try Kernel.readFile(path, limit: bytesMax)
        } catch let error as StoreError {
            throw error
        } catch let error as IOError where error.isNotFound || error.isPermission || error.errno == ENOTDIR {
            // HOME is somebody else's, as often with sudo.
            return ConfigurationFile(path: path, lines: [])
        } catch {
            throw StoreError(mapping: error)
        }
        guard bytes.count < bytesMax, let text = String(validating: bytes, as: UTF8.self) else {
            throw StoreError(.invalid, "The configuration \(path) is not a text of less than 64 KiB.")
        }
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        if lines.last == "" { lines.removeLast() }
        return ConfigurationFile(path: path, lines: lines)
    }

    private init(path: String?, lines: [String]) {
        self.path = path
        self.lines = lines
    }

    /// Key and value of a line; nil for one that says nothing, an empty key for one that is not of the form.
    private static func parts(_ line: String) -> (key: String, value: String)? {
        let text = trimmed(line[...])
        if text.isEmpty || text.hasPrefix("#") { return nil }
        guard let equals = text.firstIndex(of: "=") else { return ("", text) }
        return (trimmed(text[..<equals]), trimmed(text[text.index(after: equals)...]))
    }

    private static func trimmed(_ text: Substring) -> String {
        let blanks: Set<Character> = [" ", "\t", "\r"]
        var text = text
        while let first = text.first, blanks.contains(first) { text.removeFirst() }
        while let last = text.last, blanks.contains(last) { text.removeLast() }
        return String(text)
    }

    private func place(_ number: Int) -> String { "\(path ?? ""), line \(number + 1)" }

    /// - Throws: ``StoreError/Code/invalid`` for the first line that cannot be used, with its number.
    func check() throws(StoreError) {
        var seen: Set<Setting> = []
        for (number, line) in lines.enumerated() {
            guard let (key, value) = Self.parts(line) else { continue }
            guard !key.isEmpty else {
                throw StoreError(.invalid, "\(place(number)) is not of the form `key = value`.")
            }
            let setting: Setting
            do throws(StoreError) {
                setting = try Setting.named(key)
            } catch {
                throw StoreError(error.code, "\(place(number)): \(error.message)", hint: error.hint)
            }
            try setting.check(value, place(number))
            if setting == .store { _ = try expanded(value) }
            guard seen.insert(setting).inserted else {
                throw StoreError(.invalid, "\(place(number)): `\(key)` is set twice.")
            }
        }
    }

    func value(of setting: Setting) throws(StoreError) -> String? {
        for (number, line) in lines.enumerated() {
            guard let (key, value) = Self.parts(line), key == setting.rawValue else { continue }
            try setting.check(value, place(number))
            return value
        }
        return nil
    }

    /// A path of the file, from the root.
    func expanded(_ value: String) throws(StoreError) -> String {
        if value.hasPrefix("/") { return value }
        if value.hasPrefix("~/"), let home = environment("HOME"), home.hasPrefix("/") {
            return home + value.dropFirst(1)
        }
        throw StoreError(
            .invalid, "\(path ?? ""): the path `\(RawText.printable(value))` begins neither with / nor with ~/.")
    }

    private mutating func set(_ setting: Setting, _ value: String?) -> Bool {
        let numbers = lines.indices.filter { Self.parts(lines[$0])?.key == setting.rawValue }
        let line = value.map { "\(setting.rawValue) = \($0)" }
        for number in numbers.dropFirst().reversed() { lines.remove(at: number) }
        guard let number = numbers.first else {
            if let line { lines.append(line) }
            return false
        }
        if let line { lines[number] = line } else { lines.remove(at: number) }
        return true
    }

    /// Sets a value in the file, or with nil takes it out, whole or not at all, durably. Other lines stay as they are.
    /// Says whether it was set.
    static func edit(_ setting: Setting, _ value: String?, disk: Disk) throws -> Bool {
        guard let path else {
            throw StoreError(
                .invalid, "Nothing says where the configuration is: HOME is not set.",
                hint: "Give its path with SNAPSTORE_CONFIG.")
        }
        // A link stays one: what it points to is replaced.
        let real = realpath(path, nil)
        defer { free(real) }
        let target = real.map { String(cString: $0) } ?? path
        for directory in Kernel.missingParentDirectories(of: target) {
            try disk.makeDirectory(directory, mode: 0o700)
            try disk.syncParent(of: directory)
        }
        let directory = target.lastIndex(of: "/").map { String(target[...$0]) } ?? "."
        let lock = try Kernel.open(directory, [.readOnly, .directory])
        defer { try? lock.close() }
        while try !Kernel.tryLock(lock) { Kernel.sleep(milliseconds: 2) }
        var file = try read()
        let wasSet = file.set(setting, value)
        guard value != nil || wasSet else { return false }
        try disk.replaceFile(target, with: Array(file.lines.map { $0 + "\n" }.joined().utf8))
        return wasSet
    }
}
