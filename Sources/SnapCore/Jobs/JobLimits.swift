/// How the work of jobs is divided into plans and transactions. Any process may go on with a job, whatever its own limits.
package struct JobLimits: Sendable {
    /// A commit of fewer objects than this is counted on one walk, and so in one transaction.
    package var oneWalk = 120
    /// Chunks whose references are planned at once; the nodes are read again for each so many.
    package var plannedChunks = 500_000
    /// Rows that a transaction may touch: how many follows from the time that the last one took. More than
    /// ``JobRunner/reservedRows``.
    package var rows = 250...1_000

    package init() {}
}
