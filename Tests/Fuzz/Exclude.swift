import SnapTrees

/// Patterns of what to leave out, a line each, up to a zero byte; the rest is a path.
@_cdecl("LLVMFuzzerTestOneInput")
func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let input = bytes(start, count)
    let end = input.firstIndex(of: 0) ?? input.count
    let lines = input[..<end].split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map { Array($0) }
    let patterns = ExcludePatterns(lines: lines)
    let path = Array(input[end...].dropFirst())
    let asFile = patterns.excludes(path, isDirectory: false)
    let asDirectory = patterns.excludes(path, isDirectory: true)
    // A pattern for directories alone can only change what is said of directories.
    if asFile != asDirectory, !lines.contains(where: { $0.contains(UInt8(ascii: "/")) }) {
        found("a file and a directory differ without a pattern for directories")
    }
    return 0
}
