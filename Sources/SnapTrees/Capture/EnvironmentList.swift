package import SnapModel

/// The environment that a snapshot's config carries: names and values as bytes, in the order they were first named.
package struct EnvironmentList: Sendable, Hashable {
    package private(set) var variables: [Manifest.Config.Variable] = []

    package init() {}

    /// Sets a variable; one that is there keeps its place and gets the new value.
    /// - Throws: `.range` for a name that no environment can hold: empty, or with `=` or NUL in it; or a value with NUL.
    package mutating func set(_ name: [UInt8], _ value: [UInt8]) throws(FormatError) {
        guard !name.isEmpty, !name.contains(UInt8(ascii: "=")), !name.contains(0), !value.contains(0) else {
            throw FormatError(
                .range,
                """
                "\(escaped(name))" cannot be set in an environment: a name has at least one character and no "=", and \
                neither name nor value has a zero byte.
                """)
        }
        let variable = Manifest.Config.Variable(name: name, value: value)
        if let index = variables.firstIndex(where: { $0.name == name }) {
            variables[index] = variable
        } else {
            variables.append(variable)
        }
    }

    /// Adds one `NAME=VALUE`. The value is what follows the first `=`, quotes and all.
    package mutating func add(assignment: [UInt8]) throws(FormatError) {
        guard let equals = assignment.firstIndex(of: UInt8(ascii: "=")) else {
            throw FormatError(
                .range, "\"\(escaped(assignment))\" sets no variable: write NAME=VALUE, or NAME= for an empty value.")
        }
        try set(Array(assignment[..<equals]), Array(assignment[(equals + 1)...]))
    }

    /// Adds the lines of an env file, as container engines read them: `NAME=VALUE` each, nothing unquoted or expanded;
    /// empty lines and those whose first visible character is `#` say nothing.
    /// - Throws: an error that names the line.
    package mutating func add(file bytes: [UInt8]) throws(FormatError) {
        for (index, part) in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated() {
            var line = part.drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
            if line.last == UInt8(ascii: "\r") { line.removeLast() }
            guard let first = line.first, first != UInt8(ascii: "#") else { continue }
            do {
                try add(assignment: Array(line))
            } catch {
                throw FormatError(error.code, "Line \(index + 1) of the env file: \(error.message)")
            }
        }
    }
}
