package import SnapIO
import SnapModel

extension NodeStatus {
    package init(_ status: FileStatus) {
        let kind: Kind =
            switch status.type {
            case .regular: .file
            case .directory: .directory
            case .symbolicLink: .symbolicLink
            case .characterDevice: .characterDevice
            case .blockDevice: .blockDevice
            case .fifo: .fifo
            case .socket: .socket
            }
        self.init(
            kind: kind, mode: status.mode, uid: status.uid, gid: status.gid, size: status.size,
            allocatedBytes: status.blocks.multipliedReportingOverflow(by: 512).partialValue,
            modified: Timestamp(seconds: status.modifiedSeconds, nanoseconds: status.modifiedNanoseconds),
            changed: Timestamp(seconds: status.changedSeconds, nanoseconds: status.changedNanoseconds),
            device: status.device, inode: status.inode, links: status.links, deviceMajor: status.deviceMajor,
            deviceMinor: status.deviceMinor)
    }
}
