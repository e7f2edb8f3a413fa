internal import SnapCatalogue
internal import SnapIO
internal import SnapModel
internal import SnapPacks

extension StoreError {
    /// Runs `body` and turns the errors of the layers below into those of the store.
    package static func mapped<Result>(_ body: () throws -> Result) throws(StoreError) -> Result {
        do {
            return try body()
        } catch {
            throw StoreError(mapping: error)
        }
    }

    /// The store's word for an error of a layer below.
    package init(mapping error: any Error) {
        switch error {
        case let error as StoreError: self = error
        case let error as CatalogueError: self.init(error)
        case let error as PackError: self.init(error)
        case let error as IOError: self.init(error)
        case let error as FormatError:
            self.init(.corrupt, error.message, hint: "Run `snapstore fsck` to see which snapshots it concerns.")
        case is CancellationError: self.init(.interrupted, "Interrupted.")
        default: self.init(.io, "\(error)")
        }
    }

    /// Whether stored bytes cannot be had, now and most likely later: they are damaged, gone, or on a part of the disk
    /// that fails.
    static func isUnreadable(_ error: any Error) -> Bool {
        if let error = error as? IOError { return error.isMediaFailure }
        let code = StoreError(mapping: error).code
        return code == .corrupt || code == .incomplete
    }

    /// Whether the catalogue takes no writes now, for want of room or on a file system that is mounted read-only.
    static func isRefusedWrite(_ error: any Error) -> Bool {
        let code = StoreError(mapping: error).code
        return code == .outOfSpace || code == .notAllowed
    }

    private init(_ error: CatalogueError) {
        switch error.code {
        case .busy: self.init(.busy, error.message)
        case .outOfSpace: self.init(.outOfSpace, error.message, hint: "Run `snapstore gc` to free space.")
        case .missing: self.init(.notFound, error.message)
        case .readOnly:
            self.init(.notAllowed, error.message, hint: "Mount it for writing; what only reads goes on without.")
        case .corrupt: self.init(.corrupt, error.message)
        case .newer: self.init(.invalid, error.message)
        default: self.init(.io, error.message)
        }
    }

    private init(_ error: PackError) {
        switch error.code {
        case .corrupt: self.init(.corrupt, error.message, hint: "Run `snapstore fsck --read-data`.")
        case .missing: self.init(.corrupt, error.message, hint: "Run `snapstore fsck`.")
        case .outOfSpace: self.init(.outOfSpace, error.message, hint: "Run `snapstore gc` to free space.")
        default: self.init(.io, error.message)
        }
    }

    private init(_ error: IOError) {
        if error.isNotFound {
            self.init(.notFound, error.description)
        } else if error.isPermission {
            self.init(.notAllowed, error.description)
        } else if error.isOutOfSpace {
            self.init(.outOfSpace, error.description, hint: "Run `snapstore gc` to free space.")
        } else {
            self.init(.io, error.description)
        }
    }
}
