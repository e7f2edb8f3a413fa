import Foundation
import Logging
import SnapCore
import SnapIO
import SnapServer
import TestSupport
import Testing

/// The document of the service, against the routes that there are and the manual.
@Suite struct OpenAPITests {
    private static func document() throws -> [String: Any] {
        let object = try JSONSerialization.jsonObject(with: Data(Service.openAPI))
        return try #require(object as? [String: Any])
    }

    /// Method and path of each operation, with the scope that it asks for.
    private static func operations() throws -> [String: String?] {
        var operations: [String: String?] = [:]
        for (path, item) in try #require(try document()["paths"] as? [String: [String: Any]]) {
            for (method, operation) in item {
                let operation = try #require(operation as? [String: Any])
                operations["\(method.uppercased()) \(path)"] = .some(operation["x-scope"] as? String)
            }
        }
        return operations
    }

    @Test func theDocumentHasEveryRouteAndNoOther() throws {
        let directory = TemporaryDirectory(in: "/dev/shm")
        let store = try Store.open(path: directory.file("store"), create: true)
        let service = try Service(store: store, options: ServiceOptions(), logger: Logger(label: "test"))
        let routes = Set(service.routes)
        #expect(routes.count >= 14)
        #expect(routes == Set(try Self.operations().keys))
    }

    @Test func theManualHasEveryOperationWithItsScope() throws {
        let root = String(#filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined())
        let text = String(decoding: try Kernel.readFile(root + "/docs/http.md", limit: 1 << 20), as: UTF8.self)
        let rows = text.split(separator: "\n").filter { $0.firstMatch(of: /^\| `[A-Z]+ \//) != nil }
        let operations = try Self.operations()
        #expect(rows.count == operations.count)
        for (operation, scope) in operations {
            let row = try #require(rows.first { $0.hasPrefix("| `\(operation)` |") }, "\(operation)")
            #expect(row.contains(scope.map { "| `\($0)` |" } ?? "| none |"), "\(row)")
        }
    }

    @Test func everyReferenceInTheDocumentLeadsSomewhere() throws {
        let document = try Self.document()
        #expect(document["openapi"] as? String == "3.1.0")
        func resolve(_ reference: String) -> Any? {
            reference.split(separator: "/").dropFirst().reduce(document as Any?) { ($0 as? [String: Any])?[String($1)] }
        }
        var count = 0
        func visit(_ value: Any) {
            if let object = value as? [String: Any] {
                if let reference = object["$ref"] as? String {
                    count += 1
                    #expect(resolve(reference) != nil, "\(reference)")
                }
                object.values.forEach(visit)
            }
            (value as? [Any])?.forEach(visit)
        }
        visit(document)
        #expect(count > 50)
    }
}
