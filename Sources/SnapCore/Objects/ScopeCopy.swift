internal import SnapCatalogue
internal import Synchronization

/// Something about all objects of a scope, in memory, for all threads of a job. Made when as many questions were asked as
/// cost as much as to read it: whatever comes, at most twice the least work is done.
final class ScopeCopy<Value: Sendable>: Sendable {
    /// About 20 MB. Of a larger scope a job asks too little to make up for reading it.
    private static var objectsMax: Int { 400_000 }
    /// Rows that are read in the time of an answer.
    private static var rowsPerAnswer: Int64 { 8 }
    /// So few answers are cheaper than to ask how large the scope is.
    private static var answersMin: Int { 16 }

    private struct State {
        var answers = 0
        /// After which the copy is made; nil while that is not known.
        var answersBefore: Int?
        var isBegun = false
        var copy: Value?
    }

    private let catalogue: Catalogue
    private let scope: ScopeID
    private let make: @Sendable (ReadAccess, _ limit: Int) throws -> Value
    private let state = Mutex(State())

    /// - Parameter make: Makes the copy, of up to so many objects.
    init(
        _ catalogue: Catalogue, _ scope: ScopeID, make: @escaping @Sendable (ReadAccess, _ limit: Int) throws -> Value
    ) {
        self.catalogue = catalogue
        self.scope = scope
        self.make = make
    }

    /// The copy, once it is made. One that cannot be made is none: who looks up what he needs meets what is wrong with that,
    /// and nothing else.
    ///
    /// - Parameter questions: That are about to be asked.
    func value(asking questions: Int) -> Value? {
        var isDue = false
        let known = state.withLock { state -> Value? in
            if state.isBegun { return state.copy }
            state.answers += questions
            isDue = self.isDue(&state)
            state.isBegun = isDue
            return nil
        }
        guard isDue else { return known }
        let made = try? catalogue.lookUp { try make($0, Self.objectsMax) }
        state.withLock { $0.copy = made }
        return made
    }

    private func isDue(_ state: inout State) -> Bool {
        guard state.answers > Self.answersMin else { return false }
        if state.answersBefore == nil {
            let count = (try? catalogue.lookUp { try $0.scope(scope) })?.heldObjects ?? .max
            let isWorthwhile = (0...Int64(Self.objectsMax)).contains(count)
            state.answersBefore = isWorthwhile ? Int(count / Self.rowsPerAnswer) : .max
        }
        return state.answers > state.answersBefore ?? .max
    }
}
