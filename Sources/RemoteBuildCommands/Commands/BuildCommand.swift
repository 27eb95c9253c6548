// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import Delivery
internal import SystemPackage

struct BuildCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "build",
    abstract: "Sync, build on a host, push, and verify. The default: remote-build IMAGE…",
    discussion: """
      Of several hosts one builds each image, and the others pull it by its digest.

      The five positions of the old script are understood where the second word has an @:
        remote-build IMAGE USER@HOST [DIR [REGISTRY [VERSION [OWNER]]]]
      """)

  @Argument(help: ArgumentHelp("Images of remote-build.yaml.", valueName: "image"))
  var images: [String]

  @Option(help: ArgumentHelp("The version tag, in place of what remote-build.yaml says, or git.", valueName: "tag"))
  var version: String?

  @Option(help: ArgumentHelp("The registry, in place of what remote-build.yaml says.", valueName: "address"))
  var registry: String?

  @Option(help: ArgumentHelp("The owner in the registry, in place of what remote-build.yaml says.", valueName: "name"))
  var owner: String?

  @Option(help: ArgumentHelp("Certificates that the registry's own is checked against.", valueName: "file"))
  var caFile: String?

  @Option(
    name: .customLong("build-arg"),
    help: ArgumentHelp("A build argument. May be repeated.", valueName: "name=value"), transform: Pair.init)
  var arguments: [Pair] = []

  @Option(
    name: .customLong("secret"),
    help: ArgumentHelp("A BuildKit secret: its id, and the file that holds it. May be repeated.", valueName: "id=file"),
    transform: Pair.init)
  var secrets: [Pair] = []

  @Flag(help: "Push over a version that stands in the registry with other content.")
  var replace = false

  @Flag(help: "Leave the channel where it is, which a verified release of a clean commit moves.")
  var noPromote = false

  @Flag(help: "Move the channel although the workspace is not a clean commit.")
  var allowDirty = false

  @Flag(help: "Build on every host, in place of building on one and pulling on the others. One of them pushes.")
  var buildOnEach = false

  @Flag(help: "Say what would be built and where, and stop there; sync --dry-run tells of files.")
  var dryRun = false

  @OptionGroup(title: "Sync") var sync: SyncOptions
  @OptionGroup(title: "Hosts") var hosts: HostOptions
  @OptionGroup(title: "Workspace") var workspace: WorkspaceOptions
  @OptionGroup(title: "Output") var output: OutputOptions

  func run() async throws {
    let (order, selection) = orderAndSelection
    let session = CommandSession(output: output)
    try await session.run { context, jobs in
      try await BuildRun(
        context: context, workspace: workspace.path, selection: selection, order: order, jobs: jobs
      ).run()
    }
  }

  /// The order that the words give: the old script's five positions, or images.
  var orderAndSelection: (BuildOrder, HostSelection) {
    var order = BuildOrder(
      images: images, version: version, registry: registry, owner: owner, certificates: caFile.map { FilePath($0) },
      arguments: Dictionary(arguments.map { ($0.name, $0.value) }) { $1 },
      secrets: Dictionary(secrets.map { ($0.name, FilePath($0.value)) }) { $1 }, replaces: replace,
      promotes: !noPromote, promotesDirty: allowDirty, buildsOnEach: buildOnEach, isDry: dryRun, sync: sync.order)
    var selection = hosts.selection
    if images.count >= 2, images.count <= 6, images[1].contains("@") {
      func position(_ index: Int) -> String? { index < images.count && !images[index].isEmpty ? images[index] : nil }
      order.images = [images[0]]
      selection.names.insert(images[1], at: 0)
      selection.remoteDirectory = position(2) ?? selection.remoteDirectory
      order.registry = position(3) ?? order.registry
      order.version = position(4) ?? order.version
      order.owner = position(5) ?? order.owner
    }
    return (order, selection)
  }
}

/// What a sync may do that it refuses by itself.
struct SyncOptions: ParsableArguments {
  @Flag(help: "Take over files, or a whole directory on the host, that are in the way.")
  var adopt = false

  @Flag(help: "Let a sync delete more than half of the files on the host.")
  var allowMassDelete = false

  var order: SyncOrder { SyncOrder(adopts: adopt, allowsMassDelete: allowMassDelete) }
}

/// `name=value`, as options take it.
struct Pair: Sendable {
  var name: String
  var value: String

  init(_ text: String) throws {
    guard let equals = text.firstIndex(of: "="), equals != text.startIndex else {
      throw ValidationError("'\(text)' is not name=value")
    }
    name = String(text[..<equals])
    value = String(text[text.index(after: equals)...])
  }
}
