// swift-tools-version: 6.1
import PackageDescription

// Layers, lowest first: a target may import only targets above it in this list
// (`docs/architecture.md` has a paragraph on each; a test holds the imports to it).

let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let systemPackage = Target.Dependency.product(name: "SystemPackage", package: "swift-system")
let collections = Target.Dependency.product(name: "Collections", package: "swift-collections")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let hummingbirdCore = Target.Dependency.product(name: "HummingbirdCore", package: "hummingbird")
let hummingbirdHTTP2 = Target.Dependency.product(name: "HummingbirdHTTP2", package: "hummingbird")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let httpClient = Target.Dependency.product(name: "AsyncHTTPClient", package: "async-http-client")
let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")

let package = Package(
    name: "snapstore",
    products: [
        .library(name: "Snapstore", targets: ["Snapstore"]),
        .executable(name: "snapstore", targets: ["SnapstoreCLI"]),
        // For the package in Benchmarks/, which sees of the layers what this makes public: steps to be timed.
        .library(name: "BenchmarkSteps", targets: ["BenchmarkSteps"]),
    ],
    dependencies: [
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
    ],
    targets: [
        // C: what Swift cannot call (variadic, missing in glibc, instructions), and the system libraries.
        .target(name: "CSnapKernel"),
        .target(name: "CSnapDigest"),
        .target(name: "CSnapChunking"),
        .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
        .systemLibrary(name: "CCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
        .target(name: "CSnapSQLite", linkerSettings: [.linkedLibrary("sqlite3")]),

        .target(name: "SnapIO", dependencies: ["CSnapKernel", systemPackage]),
        .target(name: "SnapDigest", dependencies: ["CSnapDigest", "CCrypto"]),
        .target(name: "SnapModel", dependencies: ["SnapDigest"]),
        .target(name: "SnapChunking", dependencies: ["CSnapChunking", "SnapModel", "SnapDigest"]),
        .target(name: "SnapPacks", dependencies: ["SnapModel", "SnapDigest", "SnapIO", "CZstd"]),
        .target(
            name: "SnapCatalogue",
            dependencies: ["SnapModel", "SnapDigest", "SnapIO", "CSnapSQLite", grdb]),
        .target(
            name: "SnapCore",
            dependencies: ["SnapCatalogue", "SnapPacks", "SnapModel", "SnapDigest", "SnapIO", collections]),
        .target(
            name: "SnapTrees",
            dependencies: [
                "SnapCore", "SnapChunking", "SnapPacks", "SnapModel", "SnapDigest", "SnapIO", collections,
            ]),
        .target(
            name: "SnapTransfer",
            dependencies: ["SnapCore", "SnapPacks", "SnapModel", "SnapDigest"]),
        .target(
            name: "SnapServer",
            dependencies: [
                "SnapTransfer", "SnapTrees", "SnapCore", "SnapPacks", "SnapModel", "SnapDigest", "SnapIO", hummingbird,
                hummingbirdCore, hummingbirdHTTP2, nioSSL, lifecycle, httpTypes, nioCore, logging,
            ], resources: [.embedInCode("openapi.json")]),
        .target(
            name: "SnapClient",
            dependencies: [
                "SnapTransfer", "SnapTrees", "SnapCore", "SnapModel", "SnapDigest", "SnapIO", httpClient, httpTypes,
                nioCore, nioHTTP1, nioSSL,
            ]),
        .target(
            name: "Snapstore",
            dependencies: ["SnapTrees", "SnapCore", "SnapModel", "SnapDigest", "SnapIO", logging]),
        .executableTarget(
            name: "SnapstoreCLI",
            dependencies: [
                "SnapServer", "SnapClient", "SnapTransfer", "Snapstore", "SnapTrees", "SnapCore", "SnapModel",
                "SnapDigest", "SnapIO", logging, argumentParser,
            ],
            linkerSettings: staticSwiftRuntime),

        // Not a product: the study that the chunker's profile was chosen by.
        .executableTarget(
            name: "chunk-study", dependencies: ["SnapPacks", "SnapChunking", "SnapDigest", "SnapIO"],
            path: "Benchmarks/ChunkStudy"),
        // Nor this: what others wait while millions of references are counted.
        .executableTarget(
            name: "long-jobs", dependencies: ["SnapCore", "SnapModel", "SnapDigest", "SnapIO"],
            path: "Benchmarks/LongJobs"),
        // The steps of the data path one by one, and how near to their sum they come together.
        .target(
            name: "BenchmarkSteps",
            dependencies: [
                "SnapTrees", "SnapCore", "SnapCatalogue", "SnapChunking", "SnapPacks", "SnapModel", "SnapDigest",
                "SnapIO",
            ],
            path: "Benchmarks/Steps"),
        .executableTarget(
            name: "data-path",
            dependencies: ["BenchmarkSteps", "SnapPacks", "SnapModel", "SnapDigest", "SnapIO", "CZstd"],
            path: "Benchmarks/DataPath"),
        // A store of any number of objects, to measure what grows with it.
        .executableTarget(
            name: "synthetic-store", dependencies: ["SnapTrees", "SnapCore", "SnapModel", "SnapIO"],
            path: "Benchmarks/SyntheticStore"),

        .target(
            name: "CTestSQLite", path: "Tests/CTestSQLite", linkerSettings: [.linkedLibrary("sqlite3")]),
        .target(
            name: "TestSupport",
            dependencies: [
                "CTestSQLite", "Snapstore", "SnapTrees", "SnapCore", "SnapPacks", "SnapModel", "SnapDigest", "SnapIO",
            ],
            path: "Tests/TestSupport"),
        .testTarget(name: "SnapIOTests", dependencies: ["SnapIO", "TestSupport"]),
        .testTarget(name: "SnapDigestTests", dependencies: ["SnapDigest", "CSnapDigest", "TestSupport"]),
        .testTarget(name: "SnapModelTests", dependencies: ["SnapModel", "SnapDigest", "TestSupport"]),
        .testTarget(
            name: "SnapChunkingTests", dependencies: ["SnapChunking", "SnapDigest", "SnapIO", "TestSupport"]),
        .testTarget(
            name: "SnapPacksTests", dependencies: ["SnapPacks", "SnapModel", "SnapDigest", "SnapIO", "TestSupport"]),
        .testTarget(
            name: "SnapCatalogueTests",
            dependencies: ["SnapCatalogue", "SnapModel", "SnapDigest", "SnapIO", "TestSupport", grdb]),
        .testTarget(
            name: "SnapCoreTests",
            dependencies: [
                "SnapTransfer", "SnapCore", "SnapCatalogue", "SnapPacks", "SnapModel", "SnapDigest", "SnapIO",
                "TestSupport",
            ]),
        .testTarget(
            name: "SnapTreesTests",
            dependencies: ["SnapTrees", "SnapCore", "SnapModel", "SnapDigest", "SnapIO", "TestSupport"]),
        .testTarget(
            name: "GoldenTests",
            dependencies: [
                "SnapTrees", "SnapCore", "SnapPacks", "SnapChunking", "SnapModel", "SnapDigest", "SnapIO",
                "TestSupport",
            ]),
        .testTarget(
            name: "CorpusTests",
            dependencies: ["SnapTrees", "SnapCore", "SnapPacks", "SnapModel", "SnapDigest", "SnapIO", "TestSupport"]),
        .testTarget(
            name: "SnapTransferTests",
            dependencies: ["SnapTransfer", "SnapPacks", "SnapModel", "SnapDigest", "TestSupport"]),
        .testTarget(
            name: "SnapServerTests",
            dependencies: ["SnapServer", "SnapCore", "SnapDigest", "SnapIO", "TestSupport", logging, nioCore]),
        .testTarget(
            name: "SnapstoreCLITests",
            dependencies: ["SnapTransfer", "Snapstore", "SnapModel", "SnapDigest", "SnapIO", "TestSupport"],
            exclude: ["cut_proxy.py"]),
        .testTarget(name: "ProjectTests", dependencies: ["SnapIO", "TestSupport"]),
    ]
)

/// Links the Swift runtime and Foundation into the executable, so that it starts in milliseconds
/// and runs where no Swift is installed. The archives are those that `-static-stdlib` leaves out
/// when modules were compiled for dynamic linking; C libraries of the system stay shared.
var staticSwiftRuntime: [LinkerSetting] {
    [.unsafeFlags(["-static-stdlib"])]
        + [
            "CoreFoundation", "swiftSynchronization", "_FoundationICU", "_FoundationCShims", "_FoundationCollections",
        ].map { .linkedLibrary($0) }
}

for target in package.targets where target.type != .system {
    target.swiftSettings = [
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
    ]
}
