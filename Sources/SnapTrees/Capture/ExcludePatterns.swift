/// Which paths a capture leaves out: patterns with the meaning that a `.gitignore` in the captured root gives them.
///
/// - A pattern with a `/` before its end is matched from the root, any other at every depth.
/// - `*`, `?` and `[…]` stay within a component; `**` as a component stands for any number of them.
/// - A `/` at the end: directories only. A `!` in front takes back what an earlier pattern left out.
/// - The last pattern that matches decides. Nothing below a directory that is left out can be taken back.
/// - Empty lines and lines that begin with `#` say nothing; `\` takes the meaning from the byte after it.
package struct ExcludePatterns: Sendable {
    private enum Component: Sendable {
        case anyDepth
        case glob(Glob)
    }

    private struct Pattern: Sendable {
        var takesBack: Bool
        var directoriesOnly: Bool
        var shape: Shape
    }

    private enum Shape: Sendable {
        /// The last component of a path, at any depth.
        case name(Glob)
        /// The whole path, from the root.
        case path([Component])
    }

    private let patterns: [Pattern]

    /// One pattern a line. As in git, one that can match nothing (a `[` never closed) is accepted and matches nothing.
    package init(lines: [[UInt8]] = []) {
        patterns = lines.compactMap { ExcludePatterns.parse($0[...]) }
    }

    package init(_ lines: [String]) {
        self.init(lines: lines.map { Array($0.utf8) })
    }

    package var isEmpty: Bool { patterns.isEmpty }

    /// Whether `path`, relative to the root without a leading `/`, is left out. The caller does not descend into
    /// directories that are, and so never asks for what is below them.
    package func excludes(_ path: [UInt8], isDirectory: Bool) -> Bool {
        let name = path[((path.lastIndex(of: UInt8(ascii: "/")) ?? -1) + 1)...]
        for pattern in patterns.reversed() where isDirectory || !pattern.directoriesOnly {
            let matches =
                switch pattern.shape {
                case .name(let glob): glob.matches(name)
                case .path(let components): ExcludePatterns.matches(components, path)
                }
            if matches { return !pattern.takesBack }
        }
        return false
    }

    private static func parse(_ line: ArraySlice<UInt8>) -> Pattern? {
        var rest = trimmed(line)
        guard let first = rest.first, first != UInt8(ascii: "#") else { return nil }
        let takesBack = first == UInt8(ascii: "!")
        if takesBack { rest.removeFirst() }
        let directoriesOnly = rest.last == UInt8(ascii: "/")
        if directoriesOnly { rest.removeLast() }
        guard !rest.isEmpty else { return nil }

        guard rest.contains(UInt8(ascii: "/")) else {
            guard let glob = Glob(rest) else { return nil }
            return Pattern(takesBack: takesBack, directoriesOnly: directoriesOnly, shape: .name(glob))
        }
        if rest.first == UInt8(ascii: "/") { rest.removeFirst() }
        guard let components = components(of: rest) else { return nil }
        return Pattern(takesBack: takesBack, directoriesOnly: directoriesOnly, shape: .path(components))
    }

    private static func components(of pattern: ArraySlice<UInt8>) -> [Component]? {
        var components: [Component] = []
        for part in pattern.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) {
            if part.elementsEqual([UInt8(ascii: "*"), UInt8(ascii: "*")]) {
                components.append(.anyDepth)
            } else if let glob = Glob(part) {
                components.append(.glob(glob))
            } else {
                return nil
            }
        }
        // `a/**` is what is below a, not a itself.
        if case .anyDepth = components.last, let one = Glob([UInt8(ascii: "*")][...]) {
            components.append(.glob(one))
        }
        return components
    }

    /// Without the line's end and the spaces before it, unless a `\` keeps one.
    private static func trimmed(_ line: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var rest = line
        while rest.last == UInt8(ascii: "\n") || rest.last == UInt8(ascii: "\r") { rest.removeLast() }
        while rest.last == UInt8(ascii: " ") {
            let backslashes = rest.dropLast().reversed().prefix { $0 == UInt8(ascii: "\\") }.count
            if backslashes % 2 == 1 { break }
            rest.removeLast()
        }
        return rest
    }

    /// The same two-pointer match as in ``Glob``, over components: only the last `**` is tried again.
    private static func matches(_ components: [Component], _ path: [UInt8]) -> Bool {
        var position = 0
        var index = 0
        var retry: (index: Int, position: Int)?
        while position < path.count {
            let end = path[position...].firstIndex(of: UInt8(ascii: "/")) ?? path.count
            if index < components.count, case .anyDepth = components[index] {
                index += 1
                retry = (index, position)
            } else if index < components.count, case .glob(let glob) = components[index],
                glob.matches(path[position..<end])
            {
                index += 1
                position = end + 1
            } else if let last = retry {
                position = (path[last.position...].firstIndex(of: UInt8(ascii: "/")) ?? path.count) + 1
                index = last.index
                retry = (index, position)
            } else {
                return false
            }
        }
        return index == components.count
    }
}
