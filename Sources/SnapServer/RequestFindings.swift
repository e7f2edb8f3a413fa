import SnapCore
import Synchronization

/// What is found out about a request on its way in: of one reference for all copies of its ``ServiceContext``, so that
/// middlewares around the one that finds something know of it, too.
final class RequestFindings: Sendable {
    private let found = Mutex<Bearer?>(nil)

    /// Whose token it has; nil where none is asked for, or it is worth nothing.
    var bearer: Bearer? {
        get { found.withLock { $0 } }
        set { found.withLock { $0 = newValue } }
    }
}
