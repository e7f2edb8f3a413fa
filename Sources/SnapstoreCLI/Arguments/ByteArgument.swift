import ArgumentParser
import SnapCore
import SnapIO
import SnapModel

/// An argument whose bytes count, whatever text they are or are not: a path, a pattern, a variable's value.
struct ByteArgument: ExpressibleByArgument, Sendable {
    let bytes: [UInt8]

    init(argument: String) {
        bytes = RawText.bytes(of: argument)
    }

    /// As messages name it.
    var shown: String { escaped(bytes) }

    /// - Parameter allowingFile: A regular file will do too.
    /// - Throws: ``StoreError`` when the path leads nowhere, or to something else.
    func checkIsDirectory(allowingFile: Bool = false) throws {
        guard !bytes.isEmpty else { throw StoreError(.invalid, "The path of the directory is empty.") }
        let type: FileType
        do {
            // Without opening it for reading: that of a FIFO waits.
            type = try Kernel.status(of: Kernel.open(bytes, [.place])).type
        } catch {
            guard error.isNotFound else { throw StoreError(mapping: error) }
            throw StoreError(.notFound, "There is no directory \(shown).")
        }
        guard type == .directory || allowingFile && type == .regular else {
            throw StoreError(
                .invalid, "\(shown) is no directory.",
                hint: "Only a checkpoint can be made of a file, and only of a regular one.")
        }
    }
}

/// A command that has such arguments; to all others bytes that are not UTF-8 are a mistake.
protocol TakesBytes {
    var byteArguments: [ByteArgument] { get }
}

extension RawText {
    /// Refuses arguments that are not UTF-8, but for those whose bytes the command takes as they are.
    static func refuse(_ arguments: [String], but accepted: [ByteArgument]) throws(StoreError) {
        let accepted = accepted.map(\.bytes)
        for argument in arguments where isRaw(argument) {
            let bytes = bytes(of: argument)
            let value =
                bytes.starts(with: [45, 45]) ? bytes.split(separator: 61, maxSplits: 1).last.map { Array($0) } : nil
            guard accepted.contains(bytes) || value.map(accepted.contains) == true else {
                throw StoreError(
                    .invalid, "The argument `\(escaped(bytes))` is not UTF-8.",
                    hint: "If it is a path: change into that directory and name it by a path without those bytes.")
            }
        }
    }
}
