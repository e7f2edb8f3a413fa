import Synchronization

/// What tags did that many writers move at once, from what each was answered.
///
/// Every content is made once, and arrives at a tag at most once; so the moves of a tag must be paths: each starts where
/// nothing was, each content is replaced at most once, and the last one is there, or was removed. Times are ticks of one
/// clock: what had gone before a look began must not be seen by it.
package final class TagHistory: Sendable {
    private struct Tag {
        /// When the move to each content began.
        var arrivals: [String: Int] = [:]
        /// When each content had been replaced or removed.
        var departures: [String: Int] = [:]
        var removals = 0
    }

    private struct State {
        var clock = 0
        var tags: [String: Tag] = [:]
        var claims: Set<String> = []
        var made: Set<String> = []
        var deleted: [String: Int] = [:]
        var problems: [String] = []
    }

    private let state = Mutex(State())

    package init() {}

    /// A moment later than all before.
    package func now() -> Int {
        state.withLock {
            $0.clock += 1
            return $0.clock
        }
    }

    /// Whether this content was never moved to this tag.
    package func claim(_ tag: String, _ content: String) -> Bool {
        state.withLock { $0.claims.insert("\(tag) \(content)").inserted }
    }

    /// A commit was acknowledged.
    package func made(_ content: String) {
        state.withLock { state in
            if !state.made.insert(content).inserted { state.problems.append("\(content) was made twice") }
        }
    }

    /// A move was acknowledged that began at `began`.
    package func moved(_ tag: String, to content: String, replacing old: String?, began: Int) {
        state.withLock { state in
            state.clock += 1
            let now = state.clock
            var history = state.tags[tag] ?? Tag()
            if history.arrivals.updateValue(began, forKey: content) != nil {
                state.problems.append("\(tag): \(content) arrived twice")
            }
            if let old, history.departures.updateValue(now, forKey: old) != nil {
                state.problems.append("\(tag): two moves replaced \(old)")
            }
            state.tags[tag] = history
        }
    }

    /// The removal of a tag was acknowledged; `content` is what it named, where that is known.
    package func removed(_ tag: String, content: String?) {
        state.withLock { state in
            state.clock += 1
            let now = state.clock
            state.tags[tag, default: Tag()].removals += 1
            guard let content else { return }
            if state.tags[tag]?.departures.updateValue(now, forKey: content) != nil {
                state.problems.append("\(tag): \(content) was removed and replaced")
            }
            // It is not the end of a path that anybody else may have removed.
            state.tags[tag]?.removals -= 1
        }
    }

    /// The delete of a snapshot was acknowledged, which removed every tag of it.
    package func deleted(_ content: String) {
        state.withLock { state in
            state.clock += 1
            if state.deleted.updateValue(state.clock, forKey: content) != nil {
                state.problems.append("\(content) was deleted twice")
            }
        }
    }

    /// A look at a tag, or at the list, that began at `began`, has seen this content.
    package func saw(_ content: String, tag: String? = nil, began: Int) {
        state.withLock { state in
            if let gone = state.deleted[content], gone < began {
                state.problems.append("\(content) was seen after it had been deleted")
            }
            if let tag, let gone = state.tags[tag]?.departures[content], gone < began {
                state.problems.append("\(tag) named \(content) after that had been replaced")
            }
        }
    }

    /// Compares with what is there while nobody works; returns what is wrong, once.
    package func problems(tags current: [String: String], contents: Set<String>) -> [String] {
        state.withLock { state in
            var problems = state.problems
            state.problems = []
            let expected = state.made.subtracting(state.deleted.keys)
            for content in expected.subtracting(contents) { problems.append("\(content) is lost") }
            for content in contents.subtracting(expected) { problems.append("\(content) was never acknowledged") }
            for (tag, history) in state.tags {
                problems += Self.problems(tag, history, state, current: current[tag])
            }
            for tag in current.keys where state.tags[tag] == nil { problems.append("nobody set \(tag)") }
            return problems
        }
    }

    private static func problems(_ tag: String, _ history: Tag, _ state: State, current: String?) -> [String] {
        var problems: [String] = []
        for (content, left) in history.departures {
            guard let began = history.arrivals[content] else {
                problems.append("\(tag): \(content) was replaced, and had never arrived")
                continue
            }
            if began > left { problems.append("\(tag): \(content) was replaced before it came") }
        }
        var ends = Set(history.arrivals.keys).subtracting(history.departures.keys)
        if let current, ends.remove(current) == nil { problems.append("\(tag) names \(current), which it had left") }
        // The others were removed, with their snapshots or alone.
        let alone = ends.filter { state.deleted[$0] == nil }.count
        if alone > history.removals { problems.append("\(tag): \(alone) moves lost, \(history.removals) removals") }
        if history.removals > ends.count {
            problems.append("\(tag): \(history.removals) removals of \(ends.count) contents")
        }
        return problems
    }
}
