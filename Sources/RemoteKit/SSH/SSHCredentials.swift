// SPDX-License-Identifier: Apache-2.0

internal import SystemPackage
internal import Vocabulary

/// With what to log in, as the ssh configuration allows it.
struct SSHCredentials: Sendable {
  /// The ways to log in that are known here, by their names in the protocol.
  enum Way: String, CaseIterable, Sendable {
    case publicKey = "publickey"
    case keyboardInteractive = "keyboard-interactive"
    case password
  }

  var user: String
  /// The ways that may be taken, in their order.
  var ways: [Way]
  /// The agent's socket, where there is one.
  var agentSocket: FilePath?
  var identityFiles: [FilePath]
  /// Only the keys that `identityFiles` name, also from the agent.
  var identitiesOnly: Bool
  /// Certificates that the configuration names or that lie beside the keys. They cannot be used.
  var certificates: [FilePath]
  /// How often a password is asked for.
  var passwordPrompts: Int
  /// Whether the configuration forbids to ask.
  var isBatch: Bool
  var ask: @Sendable (Question) async -> [String]?

  init(_ resolution: HostResolution, options: ConnectionOptions) {
    user = resolution.user
    let allowed: [Way: Bool] = [
      .publicKey: resolution.allowsPublicKey, .keyboardInteractive: resolution.allowsKeyboardInteractive,
      .password: resolution.allowsPassword,
    ]
    let order = resolution.preferredAuthentications?.compactMap { Way(rawValue: $0) } ?? Way.allCases
    ways = order.filter { allowed[$0] ?? false }
    agentSocket = resolution.agentSocket(environment: options.environment)
    identityFiles = resolution.identityFiles
    identitiesOnly = resolution.identitiesOnly
    certificates =
      resolution.certificateFiles
      + resolution.identityFiles.map { FilePath($0.string + "-cert.pub") }.filter { $0.exists }
    passwordPrompts = resolution.passwordPrompts
    isBatch = resolution.isBatch
    ask = options.ask
  }

  /// Asks for one thing; `nil` where nobody answers or may be asked.
  func askOne(_ prompt: String) async -> String? {
    isBatch ? nil : await ask(Question(prompts: [Question.Prompt(prompt)]))?.first
  }
}

extension FilePath {
  fileprivate var exists: Bool { (try? FileDescriptor.open(self, .readOnly, options: .closeOnExec).close()) != nil }
}
