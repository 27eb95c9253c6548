// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0

import PackageDescription

let swiftSettings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .treatAllWarnings(as: .error),
]

let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let cryptoExtras: Target.Dependency = .product(name: "CryptoExtras", package: "swift-crypto")
let system: Target.Dependency = .product(name: "SystemPackage", package: "swift-system")
let subprocess: Target.Dependency = .product(name: "Subprocess", package: "swift-subprocess")
let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let yams: Target.Dependency = .product(name: "Yams", package: "Yams")

func room(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: swiftSettings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
  .testTarget(name: name, dependencies: dependencies, exclude: exclude, swiftSettings: swiftSettings)
}

let package = Package(
  name: "remote-build",
  platforms: [.macOS(.v15)],
  products: [
    .executable(name: "remote-build", targets: ["remote-build"]),
    .executable(name: "remote-build-agent", targets: ["remote-build-agent"]),
    .library(name: "Delivery", targets: ["Delivery"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.0"),
    .package(url: "https://github.com/apple/swift-system", from: "1.8.0"),
    .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.0", traits: []),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.0"),
  ],
  targets: [
    // Leaves: C libraries, and the two small rooms of words that the others share.
    .systemLibrary(
      name: "CLibSSH2", pkgConfig: "libssh2", providers: [.apt(["libssh2-1-dev"]), .brew(["libssh2"])]),
    .systemLibrary(
      name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"]), .brew(["curl"])]),
    .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"]), .brew(["zstd"])]),
    .target(name: "CLinux"),
    room("Vocabulary", [crypto]),
    room("Settings", ["Vocabulary", yams, system]),

    // Rooms: each is tested without the others.
    room("Wire", ["Vocabulary", "CLinux", system]),
    room("Sync", ["Wire", "Vocabulary", "CZstd", "CLinux", system, crypto]),
    room("Jobs", ["Wire", "Vocabulary", "CLinux", system]),
    room("RemoteKit", ["Wire", "Vocabulary", "Settings", "CLibSSH2", system, crypto, cryptoExtras, subprocess]),
    room("Registry", ["Vocabulary", "CCurl", system, subprocess]),
    room("Images", ["Vocabulary", "Settings", system]),

    // The join, the command line, and the two programs.
    room(
      "Delivery",
      ["Wire", "Vocabulary", "Settings", "Sync", "Jobs", "RemoteKit", "Registry", "Images", system, subprocess]),
    room("RemoteBuildCommands", ["Delivery", "Vocabulary", argumentParser, system]),
    .executableTarget(name: "remote-build", dependencies: ["RemoteBuildCommands"], swiftSettings: swiftSettings),
    .executableTarget(
      name: "remote-build-agent", dependencies: ["Wire", "Vocabulary", "Sync", "Jobs", system],
      swiftSettings: swiftSettings),

    tests("VocabularyTests", ["Vocabulary"]),
    tests("SettingsTests", ["Settings", "Vocabulary", system]),
    tests("WireTests", ["Wire", "Vocabulary", system]),
    // The agent is built beside the test bundle, where the tests find and start it.
    tests("SyncTests", ["Sync", "Wire", "Vocabulary", "FuzzKit", "LabKit", "remote-build-agent", subprocess, system]),
    tests("JobsTests", ["Jobs", "Wire", "Vocabulary", "remote-build-agent", system]),
    // The agent is started by the tests, and the program asked at a terminal.
    tests(
      "RemoteKitTests",
      [
        "RemoteKit", "Wire", "Vocabulary", "Settings", "Sync", "Jobs", "LabKit", "remote-build-agent", "remote-build",
        system,
      ]),
    tests("RegistryTests", ["Registry", "Vocabulary", "LabKit", system]),
    tests("ImagesTests", ["Images", "Vocabulary", "Settings", system]),
    tests(
      "DeliveryTests",
      ["Delivery", "Images", "Jobs", "Registry", "RemoteKit", "Sync", "Vocabulary", "remote-build-agent", system]),
    tests("CommandTests", ["RemoteBuildCommands", "Delivery", "Vocabulary", argumentParser], exclude: ["Snapshots"]),
    // The program is built beside the test bundle, where the tests find and start it.
    tests("EndToEndTests", ["LabKit", "remote-build", subprocess, system]),
    .target(
      name: "LabKit", dependencies: [system, subprocess], path: "Tests/Lab", exclude: ["lab"],
      swiftSettings: swiftSettings),
    // The decoders, and the program that scripts/fuzz runs them in.
    .target(
      name: "FuzzKit", dependencies: ["Wire", "Vocabulary", "Sync", "Jobs", "CZstd", system], path: "Tests/Fuzz/Kit",
      swiftSettings: swiftSettings),
    .executableTarget(
      name: "fuzz-decoders", dependencies: ["FuzzKit"], path: "Tests/Fuzz/Program", swiftSettings: swiftSettings),
  ]
)
