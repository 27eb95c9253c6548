// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import Delivery
internal import SystemPackage

#if canImport(FoundationEssentials)
  internal import FoundationEssentials
#else
  internal import Foundation
#endif

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// What stands around a command's run: the view, the prompts, interrupts, and the exit status at the end.
struct CommandSession: Sendable {
  let console: Console
  private let view: any ProgressView
  private let environment: [String: String]
  /// Set once the command has let go of its jobs: what they go on to do is told no more.
  private let hasLetGo = LetGo()

  /// - Parameter isLive: whether a live view may be drawn; not where standard output shares the terminal with it.
  init(output: OutputOptions, isLive: Bool = true) {
    environment = ProcessInfo.processInfo.environment
    console = Console(terminal: Terminal(environment: environment))
    let mode = !isLive && output.progress == .auto ? .plain : output.progress
    view = mode.view(json: output.json, verbose: output.verbose, console: console)
  }

  /// Runs `body`; what it throws is shown. Throws the exit status where it is not 0.
  func run(_ body: @escaping @Sendable (RunContext, ActiveJobs) async throws -> ExitStatus) async throws {
    let context = context
    let jobs = ActiveJobs()
    let interrupts = Interrupts()
    defer { interrupts.stop() }
    let status = await withTaskGroup(of: ExitStatus.self) { group in
      group.addTask {
        do {
          return try await body(context, jobs)
        } catch {
          let failure = DeliveryError(wrapping: error)
          view.show(DeliveryEvent(host: failure.host, .failed(failure)))
          return failure.status
        }
      }
      group.addTask {
        await Interruption(
          session: self, view: view, jobs: jobs, hasLetGo: hasLetGo, askLine: context.askLine
        ).handle(interrupts)
        return .success
      }
      let status = await group.next() ?? .success
      group.cancelAll()
      return status
    }
    view.finish()
    if status != .success { throw ExitCode(status.rawValue) }
  }

  /// Shows an event.
  func show(_ event: DeliveryEvent) { view.show(event) }

  /// Writes a row of data: as JSON, or as a line in which foreign names cannot steer the terminal.
  func show(_ row: some Encodable & CustomStringConvertible, json: Bool) {
    guard json else { return console.out(PrintableText(row.description, keepsColours: false).text) }
    data(row)
  }

  /// Writes a row of data as JSON.
  func data(_ row: some Encodable) {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.dateEncodingStrategy = .iso8601
    guard let data = try? encoder.encode(row) else { return }
    console.out(JSONView.escaped(String(decoding: data, as: UTF8.self)))
  }

  private var context: RunContext {
    var askSecret: (@Sendable (String) async -> String?)?
    var askLine: (@Sendable (String) async -> String?)?
    let prompt = TerminalPrompt(view: view, environment: environment)
    if let prompt {
      askSecret = { text in await prompt.ask(text, echoes: false) }
      askLine = { text in await prompt.ask(text, echoes: true) }
    }
    let user = environment["USER"] ?? environment["LOGNAME"] ?? "someone"
    var context = RunContext(
      environment: environment, workingDirectory: FilePath(FileManager.default.currentDirectoryPath), agents: agents,
      owner: "\(user)@\(ProcessInfo.processInfo.hostName)", askSecret: askSecret, askLine: askLine
    ) { [view, hasLetGo] event in
      if !hasLetGo.isSet { view.show(event) }
    }
    if let prompt { context.ask = { question in await prompt.ask(question) } }
    return context
  }

  /// `libexec/agents` beside the directory of this program, by its real path; or where `REMOTE_BUILD_AGENTS` says.
  private var agents: FilePath {
    if let named = environment["REMOTE_BUILD_AGENTS"], !named.isEmpty { return FilePath(named) }
    #if os(Linux)
      let program =
        (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments[0]
    #else
      let program = Bundle.main.executablePath ?? CommandLine.arguments[0]
    #endif
    return FilePath(program).removingLastComponent().removingLastComponent().appending("libexec/agents")
  }
}
