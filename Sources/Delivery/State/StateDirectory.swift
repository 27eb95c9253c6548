// SPDX-License-Identifier: Apache-2.0

public import SystemPackage
internal import Vocabulary

/// Where this laptop keeps what outlives a command, by the XDG base directory specification:
/// records and logs of builds under `$XDG_STATE_HOME/remote-build`, what can be computed again under
/// `$XDG_CACHE_HOME/remote-build`, the user's own hosts under `$XDG_CONFIG_HOME/remote-build/hosts`.
public struct StateDirectory: Sendable {
  public let state: FilePath
  public let cache: FilePath
  public let configuration: FilePath
  public let home: FilePath

  /// Reads `HOME` and the XDG variables from `environment`; relative values are ignored, as the specification asks.
  public init(environment: [String: String]) {
    let home = FilePath(environment["HOME"] ?? "/")
    func directory(_ variable: String, _ fallback: String) -> FilePath {
      let named = environment[variable].map { FilePath($0) }.flatMap { $0.isAbsolute ? $0 : nil }
      return (named ?? home.appending(fallback)).appending("remote-build")
    }
    self.home = home
    state = directory("XDG_STATE_HOME", ".local/state")
    cache = directory("XDG_CACHE_HOME", ".cache")
    configuration = directory("XDG_CONFIG_HOME", ".config")
  }

  /// The user's own host files, which win over the workspace's.
  public var hosts: FilePath { configuration.appending("hosts") }

  /// The trees that hosts last acknowledged.
  public var ancestors: FilePath { cache.appending("ancestors") }

  /// The digests of the agents that are installed here.
  public var agentDigests: FilePath { cache.appending("agent-digests") }

  /// The record of one build.
  public func build(_ id: String) -> FilePath { state.appending("builds").appending(id) }

  /// Which files that Git ignores were named for a workspace.
  public func ignoredFiles(of workspace: FilePath) -> FilePath {
    cache.appending("scans").appending(Digest.sha256(of: workspace.string).short + ".ignored")
  }

  /// The stat cache of one workspace.
  public func statCache(of workspace: FilePath) -> FilePath {
    cache.appending("scans").appending(Digest.sha256(of: workspace.string).short)
  }
}
