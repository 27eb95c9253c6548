// SPDX-License-Identifier: Apache-2.0

internal import Subprocess
public import SystemPackage

#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

/// What Git says of a workspace: facts for versions and labels, asked in one go.
public struct GitFacts: Sendable, Hashable {
  /// The commit's full id.
  public var revision: String
  /// The commit's time.
  public var committed: Date
  /// What `git describe --tags --long --match 'v[0-9]*'` printed, or `nil` where no such tag is reachable.
  public var description: String?
  /// How many commits lead here; used where there is no tag.
  public var commits: Int
  /// Whether the workspace differs from the commit: changed, deleted or untracked files that Git does not ignore.
  public var isDirty: Bool
  /// The remote `origin`, without a password, as a URL.
  public var source: String?
}

/// A workspace's Git repository, asked through the `git` command.
public struct GitRepository: Sendable {
  public let workspace: FilePath

  public init(workspace: FilePath) { self.workspace = workspace }

  /// The facts, or `nil` where the workspace is in no repository, has no commit yet, or no `git` is installed.
  public func facts() async -> GitFacts? {
    // Git's own locking would let a status here disturb the user's commands.
    async let head = git("log", "-1", "--format=%H %ct")
    async let description = git("describe", "--tags", "--long", "--match", "v[0-9]*")
    async let commits = git("rev-list", "--count", "HEAD")
    async let status = git("status", "--porcelain", "--untracked-files=normal", "--", ".")
    async let origin = git("remote", "get-url", "origin")
    guard let words = await head?.split(separator: " "), words.count == 2, let seconds = Double(words[1]) else {
      return nil
    }
    return GitFacts(
      revision: String(words[0]), committed: Date(timeIntervalSince1970: seconds), description: await description,
      commits: await commits.flatMap { Int($0) } ?? 0, isDirty: await status.map { !$0.isEmpty } ?? true,
      source: await origin.map(Self.withoutPassword))
  }

  /// What Git ignores, relative to the workspace; a directory, with a slash at its end, stands for all that is in it.
  func ignored() async -> [String] {
    let names = await git("ls-files", "--others", "--ignored", "--exclude-standard", "--directory", "-z", "--", ".")
    return names?.split(separator: "\0").map(String.init) ?? []
  }

  /// What is the same in every clone, and differs between projects: the first commit, and the workspace's place in the
  /// repository. `nil` where there is no commit.
  func identity() async -> String? {
    async let place = git("rev-parse", "--show-prefix")
    guard let roots = await git("rev-list", "--max-parents=0", "HEAD"), let root = roots.split(separator: "\n").last
    else {
      return nil
    }
    return "\(root) \(await place ?? "")"
  }

  /// A remote's URL without user and password: `git@host:path` becomes `https://host/path`, other URLs lose what stands
  /// before the `@`.
  static func withoutPassword(_ remote: String) -> String {
    if let scheme = remote.firstRange(of: "://") {
      let rest = remote[scheme.upperBound...]
      let authority = rest.prefix { $0 != "/" }
      let host = authority.split(separator: "@", omittingEmptySubsequences: false).last ?? authority
      return String(remote[..<scheme.upperBound] + host + rest.dropFirst(authority.count))
    }
    if let at = remote.firstIndex(of: "@"), let colon = remote[at...].firstIndex(of: ":") {
      return "https://\(remote[remote.index(after: at)..<colon])/\(remote[remote.index(after: colon)...])"
    }
    return remote
  }

  /// What a Git command printed, without the last newline; `nil` when it failed.
  private func git(_ arguments: String...) async -> String? {
    // Looked up first: to be tried by name costs a process for each directory of PATH before the right one.
    guard let git = try? await Executable.name("git").resolveExecutablePath(in: .inherit) else { return nil }
    let result = try? await run(
      .path(git), arguments: Arguments(["--no-optional-locks", "-C", workspace.string] + arguments),
      output: .string(limit: 4 << 20), error: .discarded)
    guard let result, result.terminationStatus.isSuccess else { return nil }
    let output = result.standardOutput
    return output.hasSuffix("\n") ? String(output.dropLast()) : output
  }
}
