import ArgumentParser

/// A command that works on a store.
protocol StoreCommand: ParsableCommand {
    /// As it is typed.
    static var name: String { get }
    var global: GlobalOptions { get }
    /// Whether standard output is the data itself, so that JSON lines go to standard error.
    var writesData: Bool { get }
    /// What is to be known once the command was interrupted.
    var interruptionHint: String? { get }
}

extension StoreCommand {
    var writesData: Bool { false }
    var interruptionHint: String? { nil }

    static var name: String { names[0] }
}

extension List: StoreCommand {}
extension Log: StoreCommand {}
extension Get: StoreCommand {}
extension Env: StoreCommand {}
extension Ls: StoreCommand {}
extension Find: StoreCommand {}
extension Du: StoreCommand {}
extension Diff: StoreCommand {}
extension Tag: StoreCommand {}
extension Delete: StoreCommand {}
extension Fsck: StoreCommand {}
extension Protect: StoreCommand {}
extension Expire: StoreCommand {}
extension Undelete: StoreCommand {}
extension Stats: StoreCommand {}
extension DoctorCommand: StoreCommand {}

extension Cat: StoreCommand {
    var writesData: Bool { true }
}

extension Cp: StoreCommand {
    var interruptionHint: String? { "Nothing of it was kept, unless --overwrite was making a directory equal." }
}

extension Create: StoreCommand {
    var interruptionHint: String? { "Nothing of it was kept." }
}

extension RestoreCommand: StoreCommand {
    var interruptionHint: String? {
        "The same command goes on where it stopped; until it is done, .snapstore-incomplete marks the directory."
    }
}

extension GC: StoreCommand {
    var interruptionHint: String? { "What was freed stays freed; the same command goes on." }
}

extension Export: StoreCommand {
    var writesData: Bool { destination == "-" }
}

extension BackupCommand: StoreCommand {
    static var name: String { "store backup" }
    var interruptionHint: String? { "What was copied stays; the same command goes on where it stopped." }
}

extension RestoreStoreCommand: StoreCommand {
    static var name: String { "store restore" }
    var interruptionHint: String? {
        "The same command goes on where it stopped; until it is done, there is no store there."
    }
}

extension Serve: StoreCommand {}

extension Push: StoreCommand {
    var interruptionHint: String? {
        "Nothing is visible there; within an hour the same command goes on where it stopped."
    }
}

extension Pull: StoreCommand {
    var interruptionHint: String? { "Nothing of it was kept." }
}

extension Share: StoreCommand {}

extension CopyCommand: StoreCommand {}

extension OrgCreate: StoreCommand {
    static var name: String { "org create" }
}

extension OrgList: StoreCommand {
    static var name: String { "org list" }
}

extension TokenCreate: StoreCommand {
    static var name: String { "token create" }
}

extension TokenList: StoreCommand {
    static var name: String { "token list" }
}

extension TokenRevoke: StoreCommand {
    static var name: String { "token revoke" }
}

extension Import: StoreCommand {
    var interruptionHint: String? { "Nothing of it was kept." }
}
