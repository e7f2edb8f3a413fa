import SnapClient
import SnapCore
import SnapIO
import Snapstore

/// What can be set once for all commands: by an option of the command, else by a variable of the environment, else by a
/// line of the configuration file; otherwise it has its default.
enum Setting: String, CaseIterable {
    case gcGrace = "gc.grace"
    case progress
    case remote
    case store

    /// The variable of the environment.
    var variable: String {
        switch self {
        case .gcGrace: "SNAPSTORE_GC_GRACE"
        case .progress: "SNAPSTORE_PROGRESS"
        case .remote: "SNAPSTORE_REMOTE"
        case .store: "SNAPSTORE_STORE"
        }
    }

    /// What it decides, for `snapstore config --help`.
    var summary: String {
        switch self {
        case .gcGrace: "how long gc keeps what was let go: 0, 30m, 24h, 7d"
        case .progress: "whether long jobs show how far they are: yes, no"
        case .remote: "the URL of the server that push and pull speak to"
        case .store: "the store's directory"
        }
    }

    /// - Throws: ``StoreError/Code/invalid`` for a name that is none, with the one that was perhaps meant.
    static func named(_ name: String) throws(StoreError) -> Setting {
        if let setting = Setting(rawValue: name) { return setting }
        let names = allCases.map(\.rawValue)
        throw StoreError(
            .invalid, "There is no setting `\(RawText.printable(name))`.",
            hint: Nearest.to(name, among: names).map { "Did you mean `\($0)`?" }
                ?? "There are: \(names.joined(separator: ", ")).")
    }

    /// - Parameter place: Where the value stands, for the message.
    /// - Throws: ``StoreError/Code/invalid`` for a value that it cannot have.
    func check(_ value: String, _ place: String) throws(StoreError) {
        let shown = RawText.printable(value)
        switch self {
        case .gcGrace:
            guard TimeSpan(argument: value) == nil else { return }
            throw StoreError(.invalid, "\(place): `\(shown)` is no span of time.", hint: "Such as 0, 30m, 24h or 7d.")
        case .progress:
            guard !["yes", "no"].contains(value) else { return }
            let hint = Nearest.to(value, among: ["yes", "no"]).map { "Did you mean `\($0)`?" } ?? "It is yes or no."
            throw StoreError(.invalid, "\(place): `\(shown)` is neither yes nor no.", hint: hint)
        case .remote:
            guard !RemoteStore.isURL(value) else { return }
            throw StoreError(
                .invalid, "\(place): `\(shown)` is no URL of a server.", hint: "For example http://127.0.0.1:7770.")
        case .store:
            guard value.isEmpty else { return }
            throw StoreError(.invalid, "\(place): the path is empty.")
        }
    }
}

/// The settings as they are in effect.
enum Settings {
    enum Source: String {
        case option
        case environment
        case file
        case standard = "default"
    }

    /// Makes sure that everything that is set can be used, so that no command takes a default for something mistyped.
    static func check() throws(StoreError) {
        for setting in Setting.allCases {
            if let value = environment(setting.variable) { try setting.check(value, setting.variable) }
        }
        try ConfigurationFile.read().check()
    }

    /// What the environment says, or the file; nil where neither does.
    static func value(_ setting: Setting) throws(StoreError) -> (value: String, source: Source)? {
        if let value = environment(setting.variable) {
            try setting.check(value, setting.variable)
            return (value, .environment)
        }
        let file = try ConfigurationFile.read()
        guard let value = try file.value(of: setting) else { return nil }
        return (setting == .store ? try file.expanded(value) : value, .file)
    }

    /// The grace of a collection.
    static func gcGrace() throws(StoreError) -> (span: TimeSpan, source: Source) {
        guard let (value, source) = try value(.gcGrace), let span = TimeSpan(argument: value) else {
            return (.day, .standard)
        }
        return (span, source)
    }

    /// Whether progress is to be shown. Mistakes are named where a command begins.
    static var showsProgress: Bool {
        guard let (value, _) = try? value(.progress) else { return true }
        return value != "no"
    }
}
