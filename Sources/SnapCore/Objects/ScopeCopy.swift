internal import Synchronization

/// Something about all objects of a scope, in memory, for all threads of a job. Made when as many questions were asked as
/// cost as much as to read it: whatever comes, at most twice the least work is done.
final class ScopeCopy<Value: Sendable>: Sendable {
    /// About 20 MB. Of a larger scope a job asks too little to make up for reading it.
    static var objectsMax: Int { 400_000 }
    /// Rows that are read in the time of an answer.
    private static var rowsPerAnswer: Int64 { 8 }
    /// So few answers are cheaper than to ask how large the scope is.
    private static var answersMin: Int { 16 }

    private let answers = Atomic(0)
    /// After which the copy is made; not known yet while it is zero.
    private let answersBefore = Atomic(0)
    private let isBegun = Atomic(false)
    private let isMade = Atomic(false)
    private let copy = Mutex<Value?>(nil)

    /// The copy, once it is made.
    ///
    /// - Parameters:
    ///   - questions: That are about to be asked.
    ///   - objects: Says how many the scope holds.
    ///   - make: Makes the copy, of up to ``objectsMax`` objects.
    func value(asking questions: Int, objects: () throws -> Int64, make: () throws -> Value) rethrows -> Value? {
        if isMade.load(ordering: .acquiring) { return copy.withLock { $0 } }
        let asked = answers.add(questions, ordering: .relaxed).oldValue
        guard asked > Self.answersMin else { return nil }
        if answersBefore.load(ordering: .relaxed) == 0 {
            let count = try objects()
            let isWorthwhile = (0...Int64(Self.objectsMax)).contains(count)
            answersBefore.store(isWorthwhile ? max(1, Int(count / Self.rowsPerAnswer)) : .max, ordering: .relaxed)
        }
        guard asked >= answersBefore.load(ordering: .relaxed), !isBegun.exchange(true, ordering: .relaxed) else {
            return nil
        }
        let made = try make()
        copy.withLock { $0 = made }
        isMade.store(true, ordering: .releasing)
        return made
    }
}
