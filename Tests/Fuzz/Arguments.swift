import SnapCore
import SnapModel
import SnapTrees
import Snapstore

/// Those of the fuzzer.
private let hasArguments = !RawText.arguments().isEmpty

/// A word of the command line, as each of the parsers that take text or bytes apart reads it. What they accept is
/// accepted again when it is written down, and then means the same.
@_cdecl("LLVMFuzzerTestOneInput")
func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard hasArguments else { found("this program has no arguments") }
    let word = bytes(start, count)
    let text = RawText.text(of: word)
    guard RawText.bytes(of: text) == word else { found("the bytes of an argument are others") }
    guard unquoted(ShellWord.quoted(word)) == word else { found("a shell reads another word") }
    // What is printed never moves a cursor, whatever was typed.
    let shown = RawText.printable(text).unicodeScalars
    guard !shown.contains(where: { $0.value < 0x20 && $0 != "\n" || $0.value == 0x7f }) else { found("not printable") }

    if let bound = SizeBound(argument: text), SizeBound(argument: written(bound.size))?.size != bound.size {
        found("written down the size is another")
    }
    if let span = TimeSpan(argument: text) {
        let again = TimeSpan(milliseconds: span.milliseconds)
        guard span.milliseconds >= 0, TimeSpan(argument: "\(again.milliseconds / 1000)") != nil,
            TimeSpan(argument: again.defaultValueDescription)?.milliseconds == TimeSpan.day.milliseconds
        else {
            found("a span of time that is none")
        }
    }
    if let part = Percentage(argument: text)?.part, !(0...1).contains(part) { found("a part of more than all") }
    if let moment = Moment(argument: text), moment.timestamp.nanoseconds >= 1_000_000_000 { found("no time") }
    refuseByName { _ = try TimePolicy.parse(text) }
    refuseByName { _ = try TimePolicy.parse(sourceDateEpoch: text) }
    refuseByName { _ = try OwnerOverride.parse(text) }
    do {
        let (reference, path) = try CopyOut.split(word)
        guard Array(reference.utf8) + [58] + path == word else { found("a reference and a path that were not there") }
    } catch {
        guard error.code == .invalid else { found("\(error)") }
    }
    return 0
}

private func refuseByName(_ parse: () throws -> Void) {
    do {
        try parse()
    } catch let error as FormatError where error.code == .range {
    } catch {
        found("an error without a name: \(error)")
    }
}

private func written(_ size: FindCriteria.Size) -> String {
    switch size {
    case .exactly(let bytes): "\(bytes)"
    case .moreThan(let bytes): "+\(bytes)"
    case .lessThan(let bytes): "-\(bytes)"
    }
}

/// As a shell reads a word.
private func unquoted(_ word: [UInt8]) -> [UInt8] {
    var bytes: [UInt8] = []
    var isQuoted = false
    var rest = word[...]
    while let byte = rest.popFirst() {
        if byte == 0x27 {
            isQuoted.toggle()
        } else if byte == 0x5c, !isQuoted {
            bytes.append(rest.popFirst() ?? 0)
        } else {
            bytes.append(byte)
        }
    }
    return bytes
}
