// SPDX-License-Identifier: Apache-2.0

internal import Vocabulary

/// Docker with BuildKit on a host: which executable, and how it is asked to build, push and pull.
struct DockerBuilder: Sendable {
  /// The executable on the host, absolute.
  var path: String
  var clientVersion: String
  var serverVersion: String
  /// Whether builds go through the buildx plugin, which attaches provenance unless told not to. Registries such as
  /// Gitea refuse such attestations, and they would make an index out of an image.
  var usesBuildx: Bool
  /// The network of `RUN` steps, where the host file says so (`build-network`).
  var network: String?

  var name: String { "docker \(serverVersion)" }

  /// What each of its commands needs in its environment: BuildKit (20.10 asks for it), and output in English, which is
  /// parsed.
  static let environment = ["DOCKER_BUILDKIT": "1", "BUILDKIT_PROGRESS": "plain", "LC_ALL": "C.UTF-8"]

  /// The file, under the job's outputs, that receives the image's id.
  static let identityFile = "iid"

  /// One image's build, in the builder's terms.
  struct Request: Sendable {
    var reference: String
    var context: String
    var dockerfile: String
    var target: String?
    var arguments: [String: String]
    var labels: [String: String]
    /// Ids of BuildKit secrets; their files stand in the job's secrets directory under the same names.
    var secrets: [String]
    /// Given where it is not the host's own.
    var platform: Platform?
  }

  /// The command that builds. `{outputs}` and `{secrets}` are the job's directories, which the supervisor fills in.
  func build(_ request: Request) -> [String] {
    var command = [path, "build", "--progress=plain", "--file", request.dockerfile, "--tag", request.reference]
    command += ["--iidfile", "{outputs}/\(Self.identityFile)"]
    if usesBuildx { command += ["--provenance=false"] }
    if let network { command += ["--network", network] }
    if let platform = request.platform { command += ["--platform", platform.description] }
    if let target = request.target { command += ["--target", target] }
    for (name, value) in request.arguments.sorted(by: { $0.key < $1.key }) {
      command += ["--build-arg", "\(name)=\(value)"]
    }
    for (name, value) in request.labels.sorted(by: { $0.key < $1.key }) { command += ["--label", "\(name)=\(value)"] }
    for id in request.secrets.sorted() { command += ["--secret", "id=\(id),src={secrets}/\(id)"] }
    return command + [request.context]
  }

  func push(_ reference: String) -> [String] { [path, "push", reference] }

  func pull(_ reference: String) -> [String] { [path, "pull", reference] }

  /// Gives a pulled digest the version's name, so that the host's own tools find it.
  func tag(_ reference: String, as name: String) -> [String] { [path, "tag", reference, name] }
}
