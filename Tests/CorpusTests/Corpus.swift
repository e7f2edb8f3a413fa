import Foundation
import SnapIO
import Testing

/// What a stranger might send, written by `Tests/Corpus/make_corpus.py`: its README says what the fields mean.
struct CorpusCase: Decodable, Sendable, CustomTestStringConvertible {
    let file: String
    let kind: String
    let why: String
    /// Of the error, or `ok`.
    let code: String
    /// Of restoring what was imported.
    let restore: String?

    var testDescription: String { "\(file): \(why)" }

    var path: String { "\(Self.directory)/files/\(file)" }

    func bytes() throws -> [UInt8] { try Kernel.readFile(path, limit: 1 << 20) }

    private static let directory =
        String(#filePath.split(separator: "/").dropLast(2).map { "/" + $0 }.joined()) + "/Corpus"

    static let all = Result {
        let index = try Kernel.readFile(directory + "/index.json", limit: 1 << 20)
        return try JSONDecoder().decode([CorpusCase].self, from: Data(index))
    }

    static func of(_ kinds: String...) throws -> [CorpusCase] {
        let cases = try all.get().filter { kinds.contains($0.kind) }
        try #require(!cases.isEmpty)
        return cases
    }
}
