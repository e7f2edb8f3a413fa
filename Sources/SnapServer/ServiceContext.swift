import Hummingbird
package import Logging
import NIOCore
package import SnapCore
import SnapIO
import SnapModel
import SnapTransfer

/// One request: who sends it, and by which number it is told of in logs, events and problems.
struct ServiceContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    /// 32 hexadecimal digits.
    let requestID: String
    /// Nil where no token is asked for.
    var bearer: Bearer?

    init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        requestID = RecordID().description
        logger[metadataKey: "request"] = .string(requestID)
    }

    /// Who sends it, if that may do what `scope` says.
    ///
    /// - Throws: ``StoreError/Code/notAllowed``.
    func bearer(_ scope: AccessScope) throws(StoreError) -> Bearer {
        guard let bearer else { throw Self.unauthorized }
        guard bearer.scopes.contains(scope) else {
            throw StoreError(
                .notAllowed, "The token does not have the scope \(scope.rawValue).",
                hint: "Ask for one that has: snapstore token create --org \(bearer.org) --scope \(scope.rawValue).")
        }
        return bearer
    }

    /// Who does what the request asks for, for the events.
    func author(_ bearer: Bearer) -> EventAuthor { EventAuthor(subject: bearer.subject, request: requestID) }

    static let unauthorized = StoreError(
        .unauthorized, "There is no token, or it is worth nothing.",
        hint: "Send one that `snapstore token create` made: Authorization: Bearer snap_….")
}
