import SnapModel

/// What a walk counts and has to say.
struct WalkReport {
    var counts = CaptureCounts()
    var warnings = WarningList()
    var notices: [String] = []

    /// With what the counts give rise to.
    var allNotices: [String] {
        var all = notices
        if counts.linkGroupsCut > 0 {
            all.append(
                "\(counts.linkGroupsCut) files have hard links outside what was captured: those are not part of it.")
        }
        if counts.foreignAttributes > 0 {
            all.append(
                "\(counts.foreignAttributes) extended attributes that only one kind of file system knows were left out."
            )
        }
        return all
    }

    /// Adds a warning; `rest` continues a sentence that begins with the path.
    mutating func warn(_ code: Warning.Code, _ path: [UInt8], _ rest: String) {
        let subject = path.isEmpty ? "The captured directory" : escaped(path)
        warnings.append(Warning(code, path: path, message: "\(subject) \(rest)"))
    }
}
