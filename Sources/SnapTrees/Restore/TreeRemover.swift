package import SnapIO

/// Removes a name and everything below it, without following a link. Iterative, whatever the depth.
package enum TreeRemover {
    package static func remove(_ name: [UInt8], in directory: Descriptor) throws {
        guard try Kernel.status(in: directory, name).type == .directory else {
            return try Kernel.unlink(in: directory, name)
        }
        var directories = try TargetDirectories(root: directory)
        var stack: [(name: [UInt8], left: [[UInt8]])] = []
        func enter(_ name: [UInt8]) throws {
            if !Kernel.isRoot { try? Kernel.changeMode(in: directories.current, name, 0o700) }
            let child = try Kernel.openBeneath(directories.current, name, [.readOnly, .directory, .noFollow])
            try directories.enter(child)
            stack.append((name, Array(try DirectoryNames(reading: child))))
        }
        try enter(name)
        while let top = stack.last {
            if let next = top.left.last {
                stack[stack.count - 1].left.removeLast()
                if try Kernel.status(in: directories.current, next).type == .directory {
                    try enter(next)
                } else {
                    try Kernel.unlink(in: directories.current, next)
                }
            } else {
                stack.removeLast()
                try directories.leave()
                try Kernel.removeDirectory(in: directories.current, top.name)
            }
        }
    }
}
