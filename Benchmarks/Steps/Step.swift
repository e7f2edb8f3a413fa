/// One step of the way of a byte into a store or out of it, to be timed by whoever runs it.
///
/// The layers are `package`: this is all of them that the package of benchmarks sees.
public struct Step: Sendable {
    public enum Unit: Sendable {
        case bytes
        /// Nodes, look-ups or references.
        case items
    }

    public let name: String
    /// What one run works through.
    public let amount: Int
    public let unit: Unit
    /// Makes what the step needs, untimed, and returns what is to be timed.
    public let prepare: @Sendable () throws -> @Sendable () throws -> Void

    init(
        _ name: String, _ amount: Int, _ unit: Unit,
        prepare: @escaping @Sendable () throws -> @Sendable () throws -> Void
    ) {
        self.name = name
        self.amount = amount
        self.unit = unit
        self.prepare = prepare
    }

    public static var all: [Step] { memory + frames + trees + packs + catalogue }
}
