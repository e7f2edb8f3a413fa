// swift-tools-version: 6.1
import PackageDescription

// A package of its own, so that whoever builds snapstore does not build what only measures it.
let package = Package(
    name: "snapstore-benchmarks",
    dependencies: [
        .package(name: "snapstore", path: ".."),
        // Without its default traits: they ask for packages that replace malloc.
        .package(url: "https://github.com/ordo-one/benchmark", from: "1.38.1", traits: []),
    ],
    targets: [
        .executableTarget(
            name: "Micro",
            dependencies: [
                .product(name: "BenchmarkSteps", package: "snapstore"),
                .product(name: "Benchmark", package: "benchmark"),
            ],
            path: "Micro",
            plugins: [.plugin(name: "BenchmarkPlugin", package: "benchmark")])
    ]
)
