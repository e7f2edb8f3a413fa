import SnapCore
import SnapIO
import SnapModel
import SnapPacks

/// How a decoder or command answers: the code of its error, or `ok`. An error without a code is no answer.
func code(_ body: () throws -> Void) -> String {
    do {
        try body()
        return "ok"
    } catch let error as FormatError {
        return error.code.rawValue
    } catch let error as PackError {
        return error.code.rawValue
    } catch let error as StoreError {
        return error.code.rawValue
    } catch {
        return "without a name: \(error)"
    }
}
