import ArgumentParser
import SnapCore
import Snapstore

struct DoctorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Look for what makes trouble later.",
        discussion: """
            Examples:
              snapstore doctor
              snapstore doctor --json

            Exits with 1 when something does not work, with 3 when somebody should look at something. It looks at the \
            machine and at the store, but not at every object: that is for `snapstore fsck`.
            """)

    @OptionGroup var global: GlobalOptions

    func run() throws {
        let output = Output(global)
        output.status("doctor")
        var counts: [Doctor.Level: Int64] = [:]
        let doctor = Doctor(path: try global.storePath()) { () throws(StoreError) in
            try StoreError.mapped { try global.openStore() }
        }
        try doctor.run { finding in
            counts[finding.level, default: 0] += 1
            let advice = finding.advice.map { "\n      \($0)" } ?? ""
            let word = finding.level.rawValue
            let space = String(repeating: " ", count: max(0, 4 - word.count))
            try output.item(
                RawText.printable("\(word)\(space)  \(finding.check): \(finding.message)\(advice)"),
                [
                    ("check", .text(finding.check)), ("level", .text(word)), ("message", .text(finding.message)),
                    ("advice", finding.advice.map { .text($0) } ?? .null),
                ])
        }
        let (ok, warn, fail) = (counts[.ok] ?? 0, counts[.warn] ?? 0, counts[.fail] ?? 0)
        try output.summary(
            "\(ok) ok, \(Format.count(warn, "warning")), \(Format.count(fail, "failure"))",
            [("ok", .integer(ok)), ("warn", .integer(warn)), ("fail", .integer(fail))])
        if fail > 0 { throw ExitStatus.failed }
        if warn > 0 { throw ExitStatus.warnings }
    }
}
