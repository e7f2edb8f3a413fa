internal import SnapCore
internal import SnapIO
internal import SnapModel

/// Finds what the hard links of an archive are: each is what its target was when the link came.
///
/// Targets are looked up by a merge of sorted records, so that memory does not depend on how many there are. A link to a
/// link takes another pass.
struct TarLinks {
    /// Passes: a link to a link to a link… is at most so deep. Programs link to the first name.
    static let depthMax = 32

    /// By target: which link asks.
    private var questions: RecordSorter
    private let makeSorter: () -> RecordSorter

    init(makeSorter: @escaping () -> RecordSorter) {
        self.makeSorter = makeSorter
        questions = makeSorter()
    }

    /// What was found, in the order of a walk.
    struct Answers {
        /// By link: the number of the member that it is, and the definition of that.
        let links: RecordSorter
        /// The versions of paths that some link is.
        let targets: RecordSorter
    }

    /// Notes that the link at `place` is what `target` was before it.
    mutating func add(place: [UInt8], number: UInt64, target: [UInt8]) throws {
        try questions.append(TarRecord.place(target, number) + place)
    }

    /// - Parameter definitions: every version of every path.
    /// - Throws: ``StoreError/Code/invalid`` when something is not there, or is a directory.
    mutating func resolve(_ definitions: RecordSorter) throws -> Answers {
        let answers = Answers(links: makeSorter(), targets: makeSorter())
        for _ in 0..<Self.depthMax {
            if questions.isEmpty { return answers }
            questions = try pass(definitions, answers)
        }
        guard questions.isEmpty else {
            throw StoreError(.invalid, "The archive has hard links to hard links, over \(Self.depthMax) deep.")
        }
        return answers
    }

    /// Answers all questions; those whose answer is a link become the questions of the next pass.
    private func pass(_ definitions: RecordSorter, _ answers: Answers) throws -> RecordSorter {
        let further = makeSorter()
        var asked = try questions.cursor()
        var known = try definitions.cursor()
        var next = try known.nextTar()
        var latest: TarRecord?
        while let question = try asked.nextTar() {
            while let candidate = next, candidate.precedes(question) {
                latest = candidate
                next = try known.nextTar()
            }
            guard let found = latest, found.key == question.key else { throw missing(question) }
            switch try TarDefinition(found.body, isRoot: found.key.isEmpty) {
            case .link(let target):
                try further.append(TarRecord.place(target, found.number) + question.body)
            case .entry(let entry, _):
                if case .directory = entry.node { throw directory(question) }
                var answer = Array(question.body)
                withUnsafeBytes(of: found.number.bigEndian) { answer.append(contentsOf: $0) }
                try answers.links.append(answer + found.body)
                try answers.targets.append(Array(found.place))
            }
        }
        return further
    }

    private func missing(_ question: TarRecord) -> StoreError {
        StoreError(
            .invalid,
            """
            The archive's entry \(origin(question)) is a hard link to \(shown(question.path)), which does not come \
            before it.
            """)
    }

    private func directory(_ question: TarRecord) -> StoreError {
        StoreError(
            .invalid,
            "The archive's entry \(origin(question)) is a hard link to \(shown(question.path)), a directory.")
    }

    private func origin(_ question: TarRecord) -> String {
        TarRecord(Array(question.body)).map { shown($0.path) } ?? ""
    }
}

/// Answers, read beside the definitions.
struct TarLinkAnswers {
    private var links: RecordSorter.Cursor
    private var targets: RecordSorter.Cursor
    private var nextLink: TarRecord?
    private var nextTarget: TarRecord?

    init(_ answers: TarLinks.Answers) throws {
        links = try answers.links.cursor()
        targets = try answers.targets.cursor()
        nextLink = try links.nextTar()
        nextTarget = try targets.nextTar()
    }

    /// What the link at a version of a path is: the number of a member, and its definition.
    mutating func answer(_ record: TarRecord) throws -> (number: UInt64, definition: ArraySlice<UInt8>)? {
        while let link = nextLink, link.precedes(record) { nextLink = try links.nextTar() }
        guard let link = nextLink, link.place == record.place, link.body.count > 8 else { return nil }
        return (link.body.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }, link.body.dropFirst(8))
    }

    /// Whether some link is this version of a path.
    mutating func isTarget(_ record: TarRecord) throws -> Bool {
        while let target = nextTarget, target.precedes(record) { nextTarget = try targets.nextTar() }
        return nextTarget.map { $0.place == record.place } ?? false
    }
}
