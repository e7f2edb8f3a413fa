import Glibc
import SnapIO
import TestSupport
import Testing

/// Opening within a directory, and nothing outside it.
@Suite struct BeneathTests {
    private let directory = TemporaryDirectory(in: "/dev/shm")
    private let root: Descriptor

    init() throws {
        try Kernel.makeParentDirectories(of: directory.file("root/sub/x"))
        try directory.file("outside").write([1])
        try directory.file("root/inside").write([2])
        try directory.file("root/sub/file").write([3])
        root = try Kernel.open(directory.file("root"), [.readOnly, .directory])
        for (name, target) in [
            ("to-inside", "inside"), ("to-outside", "../outside"), ("to-sub", "sub"), ("to-up", ".."),
            ("to-self", "to-self"),
            ("to-absolute", directory.file("outside")), ("to-etc", "/etc/passwd"), ("dangling", "nowhere"),
        ] { try Kernel.makeSymbolicLink(in: root, bytes(name), target: bytes(target)) }
    }

    private func code(_ name: String, _ flags: OpenFlags = .readOnly) -> CInt? {
        do {
            _ = try Kernel.openBeneath(root, bytes(name), flags)
            return nil
        } catch { return error.errno }
    }

    @Test func whatLiesWithinOpens() throws {
        #expect(code("inside") == nil && code("sub", [.readOnly, .directory]) == nil && code("sub/file") == nil)
        #expect(code("missing") == ENOENT)
    }

    @Test(arguments: [
        "to-inside", "to-outside", "to-sub", "to-sub/file", "to-up", "to-up/outside", "to-self", "to-absolute",
        "to-etc",
        "dangling",
    ])
    func noSymbolicLinkIsFollowed(_ name: String) {
        #expect(code(name) == ELOOP)
        #expect(code(name, [.writeOnly]) == ELOOP)
        #expect(code(name, [.writeOnly, .create]) == ELOOP)
        #expect(code(name, [.readOnly, .directory]) == ELOOP)
    }

    @Test(arguments: ["..", "../outside", "sub/../../outside", "/", "/etc/passwd", "../root/inside"])
    func nothingLeadsOut(_ name: String) {
        #expect(code(name) == EXDEV)
        #expect(code(name, [.writeOnly, .create]) == EXDEV)
    }

    @Test func absolutePathsOfTheDirectoryItselfLeadOutToo() {
        #expect(code(directory.file("root/inside")) == EXDEV)
        #expect(code("") == ENOENT)
    }

    /// /proc/self/fd/N, exe and the like jump anywhere.
    @Test func magicLinks() throws {
        let process = try Kernel.open("/proc/self", [.readOnly, .directory])
        for name in ["exe", "cwd", "root", "fd/\(root.number)", "cwd/x"] {
            let error = #expect(throws: IOError.self, "\(name)") {
                try Kernel.openBeneath(process, bytes(name), .readOnly)
            }
            #expect(error?.errno == ELOOP)
        }
    }

    /// A name that is made while somebody swaps it for a link is either ours or refused.
    @Test func aSwapperGainsNothing() throws {
        let stop = Latch()
        let pool = try WorkerPool(threads: 1, queueMax: 1)
        let root = root
        try pool.submit {
            var isDone = false
            while !isDone {
                _ = try? Kernel.unlink(in: root, bytes("swapped"))
                _ = try? Kernel.makeSymbolicLink(in: root, bytes("swapped"), target: bytes("../outside"))
                isDone = (try? Kernel.status(in: root, bytes("stop"))) != nil
            }
            stop.open()
        }
        var opened = 0
        for _ in 0..<2000 {
            guard let file = try? Kernel.openBeneath(root, bytes("swapped"), [.writeOnly, .create, .truncate]) else {
                continue
            }
            opened += 1
            try file.write([9])
        }
        try Kernel.makeDirectory(in: root, bytes("stop"), mode: 0o700)
        stop.wait()
        #expect(try directory.read("outside") == [1])
        print("swapped link: \(opened) of 2000 opened, none outside")
    }

    @Test func renamingDoesNotReplaceUnlessAsked() throws {
        let error = #expect(throws: IOError.self) {
            try Kernel.rename(in: root, bytes("inside"), to: root, bytes("sub"), replace: false)
        }
        #expect(error?.isExisting == true)
        try Kernel.rename(in: root, bytes("inside"), to: root, bytes("new"), replace: false)
        try Kernel.rename(in: root, bytes("new"), to: root, bytes("to-inside"))
        #expect(try directory.read("root/to-inside") == [2])
    }

    @Test func linksAreReadAndStatted() throws {
        let longest = [UInt8](repeating: 0x78, count: 4095)
        try Kernel.makeSymbolicLink(in: root, bytes("long"), target: longest)
        #expect(try Kernel.readLink(in: root, bytes("long")) == longest)
        try Kernel.makeSymbolicLink(in: root, [0xff], target: [0xfe, 0x0a])
        #expect(try Kernel.readLink(in: root, [0xff]) == [0xfe, 0x0a])
        #expect(try Kernel.status(in: root, bytes("to-etc")).type == .symbolicLink)
        #expect(throws: IOError.self) { try Kernel.readLink(in: root, bytes("inside")) }
        // A second name of a link is one of the link, not of what it leads to.
        try Kernel.link(from: root, bytes("to-outside"), to: root, bytes("second"))
        #expect(try Kernel.status(in: root, bytes("second")).type == .symbolicLink)
    }
}
