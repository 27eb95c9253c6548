// SPDX-License-Identifier: Apache-2.0

public import Vocabulary

/// A Dockerfile, read as BuildKit reads it, as far as stages and what they stand on are concerned. What an instruction
/// does inside of its stage is the builder's to judge.
public struct Dockerfile: Hashable, Sendable {
  /// The name that errors begin with, such as `infra/docker/base-ml.Dockerfile`.
  public let file: String
  /// Of the file's bytes.
  public let digest: Digest
  /// The frontend that `# syntax=` names.
  public let syntax: String?
  /// The character that continues lines and escapes others.
  public let escape: Unicode.Scalar
  /// All instructions in the order of the file.
  public let instructions: [Instruction]
  /// The arguments before the first `FROM`: the only ones that `FROM` lines can use.
  public let globalArguments: [Argument]
  /// At least one.
  public let stages: [Stage]

  /// Reads a Dockerfile's bytes. Throws for broken syntax, with the line.
  public init(bytes: [UInt8], file: String) throws(ImagesError) {
    var reader = DockerfileReader(text: String(decoding: bytes, as: UTF8.self), file: file)
    try reader.read()
    self.file = file
    digest = .sha256(of: bytes)
    syntax = reader.syntax
    escape = reader.escape
    instructions = reader.instructions
    var builder = StageBuilder(file: file, escape: reader.escape)
    for instruction in instructions { try builder.add(instruction) }
    globalArguments = builder.globalArguments
    stages = try builder.finish()
  }

  /// Reads a Dockerfile's text. Throws for broken syntax, with the line.
  public init(text: String, file: String) throws(ImagesError) {
    try self.init(bytes: Array(text.utf8), file: file)
  }

  /// The names of all arguments that are declared anywhere: those that a build can be given.
  public var declaredArguments: Set<String> {
    Set(globalArguments.map(\.name)).union(stages.flatMap(\.arguments).map(\.name))
  }

  /// Whether a build can be given the argument `name`: it is declared, or BuildKit knows it without that.
  public func accepts(argument name: String) -> Bool {
    Self.predefined.contains(name) || name.hasPrefix("BUILDKIT_") || declaredArguments.contains(name)
  }

  /// See "Predefined ARGs" in the Dockerfile reference: proxies, in capitals and in small letters.
  private static let predefined: Set<String> = {
    let proxies = ["HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY"]
    return Set(proxies + proxies.map { $0.lowercased() } + ["SOURCE_DATE_EPOCH"])
  }()

  func error(_ message: String, line: Int) -> ImagesError {
    ImagesError(.dockerfile, file: file, line: line, message)
  }
}
