// SPDX-License-Identifier: Apache-2.0

internal import Delivery
internal import Synchronization

/// Whether a command has let go of its jobs, and how far that is.
final class LetGo: Sendable {
  enum Stage: Sendable { case holding, detached, asking, ending }

  private let state = Mutex(Stage.holding)

  var stage: Stage {
    get { state.withLock { $0 } }
    set { state.withLock { $0 = newValue } }
  }
  var isSet: Bool { stage != .holding }
}

/// What becomes of the jobs when their command is interrupted.
///
/// On a terminal they go on, and it says how to get back to them; an interrupt soon after asks whether to cancel them. A
/// closed terminal or laptop is no wish to end them either. Without a terminal nobody will come back: they are cancelled.
struct Interruption: Sendable {
  let session: CommandSession
  let view: any ProgressView
  let jobs: ActiveJobs
  let hasLetGo: LetGo
  /// Asks on the terminal; `nil` where there is none.
  let askLine: (@Sendable (String) async -> String?)?

  /// How long a second interrupt is waited for after the first, on a terminal.
  static let patience = Duration.seconds(3)

  /// Takes interrupts until the command ends; the first of them ends it.
  func handle(_ interrupts: Interrupts) async {
    var isWarned = false
    for await signal in interrupts.stream {
      if jobs.isMoving && !isWarned {
        isWarned = true
        let message = "a channel is being moved, which takes a moment; interrupt again to leave it half done"
        view.show(DeliveryEvent(.warning(.init(message: message))))
        continue
      }
      let keeps = Interrupts.isHangUp(signal) || session.console.terminal.errorIsTerminal
      switch hasLetGo.stage {
      case .holding where keeps:
        let own = jobs.jobs
        hasLetGo.stage = .detached
        detach(own)
        guard !own.isEmpty, askLine != nil, Interrupts.isTyped(signal) else { leave() }
        Task {
          try? await Task.sleep(for: Self.patience)
          if hasLetGo.stage == .detached { leave() }
        }
      case .holding:
        hasLetGo.stage = .ending
        Task {
          await cancel()
          leave()
        }
      case .detached where Interrupts.isTyped(signal):
        hasLetGo.stage = .asking
        Task {
          if await isConfirmed() { await cancel() }
          leave()
        }
      default:
        // Whoever interrupts once more does not want to wait for anything.
        leave()
      }
    }
  }

  private func isConfirmed() async -> Bool {
    let titles = jobs.jobs.map { "\($0.title) on \($0.host)" }.joined(separator: ", ")
    let answer = await askLine?("cancel \(titles)? [y/N] ") ?? ""
    return ["y", "yes"].contains(answer.lowercased())
  }

  /// The run may be waiting for something that takes its time to let go.
  private func leave() -> Never {
    view.finish()
    RemoteBuild.leave(ExitStatus.interrupted.rawValue)
  }

  private func detach(_ active: [ActiveJobs.Job]) {
    let what = active.isEmpty ? "interrupted; nothing is under way on a host" : "detached"
    let again = !active.isEmpty && askLine != nil ? ["or press Ctrl-C again now to cancel"] : []
    tell(what, next: active.flatMap { [$0.attach, $0.cancel] } + again, active)
  }

  private func cancel() async {
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
    tell(said.joined(separator: "; "), next: going.flatMap { [$0.attach, $0.cancel] }, going)
  }

  private func tell(_ what: String, next: [String], _ going: [ActiveJobs.Job]) {
    let left = going.map { "\($0.title) goes on on \($0.host) as job \($0.id)" }.joined(separator: "\n")
    let failure = DeliveryError(.interrupted, what, leftBehind: left.isEmpty ? nil : left, next: next)
    view.show(DeliveryEvent(.failed(failure)))
  }
}
