import ArgumentParser
import SnapCore
import SnapIO

struct Config: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config",
        abstract: "Show and change what is set for all commands.",
        discussion: """
            \(Setting.allCases.map { "  \($0.rawValue.padded(to: 9))  \($0.summary)" }.joined(separator: "\n"))

            An option comes first, then the environment (SNAPSTORE_GC_GRACE, SNAPSTORE_PROGRESS, SNAPSTORE_STORE), then \
            the file, then the default.
            """,
        subcommands: [ConfigShow.self, ConfigGet.self, ConfigSet.self, ConfigUnset.self, ConfigPath.self],
        defaultSubcommand: ConfigShow.self)
}

/// A command that must work when the configuration cannot be used.
protocol WorksWithoutConfiguration {}

/// The settings as one command shows them.
private struct EffectiveSetting {
    let setting: Setting
    let value: String
    let source: Settings.Source

    init(_ setting: Setting, _ global: GlobalOptions) throws {
        self.setting = setting
        switch setting {
        case .store:
            value = try global.storePath()
            source = try global.store != nil ? .option : Settings.value(.store)?.source ?? .standard
        default:
            let set = try Settings.value(setting)
            value = set?.value ?? (setting == .gcGrace ? TimeSpan.day.defaultValueDescription : "yes")
            source = set?.source ?? .standard
        }
    }

    var fields: [(String, JSONLine.Value)] {
        [
            ("key", .text(setting.rawValue)), ("value", .text(RawText.printable(value))),
            ("source", .text(source.rawValue)),
        ]
    }
}

struct ConfigShow: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Show every setting, and where it comes from.",
        discussion: """
            Examples:
              snapstore config
              snapstore config show --json
            """)

    @OptionGroup var global: GlobalOptions

    func run() throws {
        let output = Output(global)
        output.status(Self.name)
        let settings = try Setting.allCases.map { try EffectiveSetting($0, global) }
        if output.isJSON {
            for setting in settings { try output.item("", setting.fields) }
        } else {
            let rows = settings.map { [$0.setting.rawValue, RawText.printable($0.value), $0.source.rawValue] }
            for line in Format.table([["KEY", "VALUE", "FROM"]] + rows) { try output.item(line, []) }
        }
        try output.summary("", [("count", .integer(Int64(settings.count)))])
    }
}

struct ConfigGet: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "get",
        abstract: "Show the value of one setting.",
        discussion: """
            Examples:
              snapstore config get store
            """)

    @OptionGroup var global: GlobalOptions
    @Argument(help: "The setting.", completion: .setting) var key: String

    func run() throws {
        let output = Output(global)
        output.status(Self.name)
        let setting = try EffectiveSetting(Setting.named(key), global)
        if !output.isJSON { try output.item(RawText.printable(setting.value), []) }
        try output.summary("", setting.fields)
    }
}

struct ConfigSet: ParsableCommand, WorksWithoutConfiguration {
    static let configuration = CommandConfiguration(
        commandName: "set",
        abstract: "Set a value in the configuration file.",
        discussion: """
            Examples:
              snapstore config set gc.grace 7d
              snapstore config set progress no

            The file is replaced as a whole; its other lines stay as they are.
            """)

    @OptionGroup var global: GlobalOptions
    @Argument(help: "The setting.", completion: .setting) var key: String
    @Argument(help: "Its value.") var value: String

    func run() throws {
        let output = Output(global)
        output.status(Self.name)
        let setting = try Setting.named(key)
        guard !value.contains(where: \.isNewline) else {
            throw StoreError(.invalid, "The value of `\(key)` has more than one line.")
        }
        try setting.check(value, key)
        // From wherever a command is started, it is the same store.
        let value = setting == .store && !value.hasPrefix("~/") ? try GlobalOptions.absolute(value) : value
        _ = try ConfigurationFile.edit(setting, value, disk: CrashGate.disk())
        let path = ConfigurationFile.path ?? ""
        if let other = environment(setting.variable), other != value {
            output.note("For now the environment says otherwise: \(setting.variable)=\(other)")
        }
        try output.summary(
            "Set \(key) = \(value) in \(path)",
            [("key", .text(key)), ("value", .text(value)), ("path", .text(path))])
    }
}

struct ConfigUnset: ParsableCommand, WorksWithoutConfiguration {
    static let configuration = CommandConfiguration(
        commandName: "unset",
        abstract: "Take a setting out of the configuration file.",
        discussion: """
            Examples:
              snapstore config unset gc.grace
            """)

    @OptionGroup var global: GlobalOptions
    @Argument(help: "The setting.", completion: .setting) var key: String

    func run() throws {
        let output = Output(global)
        output.status(Self.name)
        let setting = try Setting.named(key)
        let path = ConfigurationFile.path ?? ""
        guard try ConfigurationFile.edit(setting, nil, disk: CrashGate.disk()) else {
            throw StoreError(
                .notFound, "\(path) does not set `\(key)`.", hint: "See what is set with `snapstore config`.")
        }
        try output.summary("Removed \(key) from \(path)", [("key", .text(key)), ("path", .text(path))])
    }
}

struct ConfigPath: ParsableCommand, WorksWithoutConfiguration {
    static let configuration = CommandConfiguration(
        commandName: "path",
        abstract: "Show where the configuration file is, or would be.",
        discussion: """
            Examples:
              snapstore config path
            """)

    @OptionGroup var global: GlobalOptions

    func run() throws {
        let output = Output(global)
        output.status(Self.name)
        guard let path = ConfigurationFile.path else {
            throw StoreError(
                .invalid, "Nothing says where the configuration is: HOME is not set.",
                hint: "Give its path with SNAPSTORE_CONFIG.")
        }
        if !output.isJSON { try output.item(RawText.printable(path), []) }
        try output.summary("", [("path", .text(path)), ("exists", .flag(Kernel.exists(path)))])
    }
}

extension ConfigShow: StoreCommand { static var name: String { "config show" } }
extension ConfigGet: StoreCommand { static var name: String { "config get" } }
extension ConfigSet: StoreCommand { static var name: String { "config set" } }
extension ConfigUnset: StoreCommand { static var name: String { "config unset" } }
extension ConfigPath: StoreCommand { static var name: String { "config path" } }

extension String {
    /// With spaces behind it, up to a width.
    fileprivate func padded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}
