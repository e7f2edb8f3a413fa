import ArgumentParser

/// A part of a whole, as `5%`.
struct Percentage: ExpressibleByArgument {
    let part: Double

    init?(argument: String) {
        guard argument.hasSuffix("%"), let number = Double(argument.dropLast()), (0...100).contains(number) else {
            return nil
        }
        part = number / 100
    }
}
