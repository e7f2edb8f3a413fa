/// How the work of jobs is divided into plans and transactions. Any process may go on with a job, whatever its own limits.
package struct JobLimits: Sendable {
    /// A commit of fewer objects than this is counted on one walk, and so in one transaction.
    package var oneWalk = 120
    /// References on chunks that are planned at once, 40 bytes each; the nodes are read again for each so many.
    package var plannedReferences = 500_000
    /// Rows that a transaction may touch, as far as that follows from the time that the last one took. At least
    /// ``JobRunner/reservedRows`` more than none.
    package var rows = 250...1_000

    package init() {}
}
