/// What a long job calls between its steps, with the objects and bytes that it has handled since the last one. What it
/// throws ends the job as a failure would: nothing held is touched, and the job can be run again.
package typealias MaintenanceStep = @Sendable (_ objects: UInt64, _ bytes: UInt64) throws -> Void
