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

  init(output: OutputOptions) {
    environment = ProcessInfo.processInfo.environment
    console = Console(terminal: Terminal(environment: environment))
    view = output.progress.view(json: output.json, verbose: output.verbose, console: console)
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
        var isSecond = false
        for await signal in interrupts.stream {
          // Whoever interrupts again does not want to wait for anything.
          if isSecond { RemoteBuild.leave(ExitStatus.interrupted.rawValue) }
          isSecond = true
          Task {
            await interrupted(by: signal, jobs)
            // The run may be waiting for something that takes its time to let go.
            view.finish()
            RemoteBuild.leave(ExitStatus.interrupted.rawValue)
          }
        }
        return .success
      }
      let status = await group.next() ?? .success
      group.cancelAll()
      return status
    }
    view.finish()
    if status != .success { throw ExitCode(status.rawValue) }
  }

  /// Writes a row of data: as JSON, or as a line in which foreign names cannot steer the terminal.
  func show(_ row: some Encodable & CustomStringConvertible, json: Bool) {
    guard json else { return console.out(PrintableText(row.description, keepsColours: false).text) }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.dateEncodingStrategy = .iso8601
    guard let data = try? encoder.encode(row) else { return }
    console.out(String(decoding: data, as: UTF8.self))
  }

  /// On a terminal the jobs go on, and it says how to get back to them; a closed terminal or laptop is no wish to end them
  /// either. Without a terminal nobody will come back: they are cancelled.
  private func interrupted(by signal: Int32, _ jobs: ActiveJobs) async {
    let active = jobs.jobs
    if Interrupts.isHangUp(signal) || console.terminal.errorIsTerminal {
      let what = active.isEmpty ? "interrupted; nothing is under way on a host" : "detached"
      show(what, next: active.flatMap { [$0.attach, $0.cancel] }, active)
      return
    }
    var (said, going) = (["interrupted"], [ActiveJobs.Job]())
    for end in await jobs.cancelAll() {
      switch end {
      case .cancelled(let job): said.append("\(job.id) cancelled")
      case .over(let job, let state): said.append("\(job.id) was over before: \(state)")
      case .unreached(let job):
        said.append("\(job.id) could not be cancelled")
        going.append(job)
      case .watched(let job): going.append(job)
      }
    }
    show(said.joined(separator: "; "), next: going.flatMap { [$0.attach, $0.cancel] }, going)
  }

  private func show(_ what: String, next: [String], _ going: [ActiveJobs.Job]) {
    let left = going.map { "\($0.title) goes on on \($0.host) as job \($0.id)" }.joined(separator: "\n")
    let failure = DeliveryError(.interrupted, what, leftBehind: left.isEmpty ? nil : left, next: next)
    view.show(DeliveryEvent(.failed(failure)))
  }

  private var context: RunContext {
    var askSecret: (@Sendable (String) async -> String?)?
    var askLine: (@Sendable (String) async -> String?)?
    if let prompt = TerminalPrompt(view: view) {
      askSecret = { text in await prompt.ask(text, echoes: false) }
      askLine = { text in await prompt.ask(text, echoes: true) }
    }
    let user = environment["USER"] ?? environment["LOGNAME"] ?? "someone"
    return RunContext(
      environment: environment, workingDirectory: FilePath(FileManager.default.currentDirectoryPath), agents: agents,
      owner: "\(user)@\(ProcessInfo.processInfo.hostName)", askSecret: askSecret, askLine: askLine
    ) { [view] event in view.show(event) }
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
