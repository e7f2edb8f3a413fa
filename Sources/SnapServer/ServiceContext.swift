import Hummingbird
import Logging
import NIOCore
import SnapCore
import SnapIO
import SnapModel
import SnapTransfer

/// One request: who sends it, and by which number it is told of in logs, events and problems.
struct ServiceContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    /// 32 hexadecimal digits.
    let requestID: String
    let address: ClientAddress
    let findings = RequestFindings()

    init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        requestID = RecordID().description
        address = ClientAddress(source.channel.remoteAddress)
        logger[metadataKey: "request"] = .string(requestID)
    }

    /// Who sends it, if that may do what `scope` says.
    ///
    /// - Throws: ``StoreError/Code/notAllowed``.
    func bearer(_ scope: AccessScope) throws(StoreError) -> Bearer {
        guard let bearer = findings.bearer else { throw Self.unauthorized }
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
