// SPDX-License-Identifier: Apache-2.0

internal import Images
internal import Jobs

/// Which of an image's hosts builds it: of those that are ready the warmest, else the first that was named.
///
/// Where all answer, all are waited for. From the first that is ready on, the others have as long again as that one
/// took, and ``leastPatience`` at the least; who comes later does not build, and may still pull.
struct Contest: Sendable {
  /// What came of the hosts in time.
  struct Outcome: Sendable {
    /// In the order in which the hosts were named.
    var ready: [ImageRun.Candidate] = []
    var failures: [String: Arrivals.Failure] = [:]
    /// Those that were not ready in time, in order.
    var late: [String] = []
    var builder: ImageRun.Candidate?
  }

  private enum News: Sendable {
    case came(String, Result<ImageRun.Candidate, Arrivals.Failure>)
    case timeIsUp
  }

  static let leastPatience = Duration.seconds(2)

  let names: [String]
  private let ways: [String: Task<Result<ImageRun.Candidate, Arrivals.Failure>, Never>]
  private let news: AsyncStream<News>
  private let teller: AsyncStream<News>.Continuation
  private let start: ContinuousClock.Instant

  /// - Parameter ready: a host's way to being ready to build; what goes wrong on it was told by itself.
  init(
    _ names: [String], since start: ContinuousClock.Instant,
    _ ready: @escaping @Sendable (String) async throws(Arrivals.Failure) -> ImageRun.Candidate
  ) {
    self.names = names
    self.start = start
    let (news, teller) = AsyncStream<News>.makeStream()
    (self.news, self.teller) = (news, teller)
    ways = Dictionary(
      uniqueKeysWithValues: names.map { name in
        let way = Task { () -> Result<ImageRun.Candidate, Arrivals.Failure> in
          let result: Result<ImageRun.Candidate, Arrivals.Failure>
          do throws(Arrivals.Failure) { result = .success(try await ready(name)) } catch { result = .failure(error) }
          teller.yield(.came(name, result))
          return result
        }
        return (name, way)
      })
  }

  /// Decides, once; without a builder where none is fit, which only shows when all have failed.
  func decide() async -> Outcome {
    var came: [String: Result<ImageRun.Candidate, Arrivals.Failure>] = [:]
    var timer: Task<Void, any Error>?
    defer { timer?.cancel() }
    // An empty stream would never end.
    if !names.isEmpty {
      loop: for await item in news {
        switch item {
        case .timeIsUp: break loop
        case .came(let name, let result):
          came[name] = result
          if came.count == names.count { break loop }
          guard case .success = result, timer == nil else { continue }
          let patience = max(Self.leastPatience, start.duration(to: .now))
          timer = Task { [teller] in
            try await Task.sleep(for: patience)
            teller.yield(.timeIsUp)
          }
        }
      }
    }
    var outcome = Outcome()
    for name in names {
      switch came[name] {
      case .success(let candidate): outcome.ready.append(candidate)
      case .failure(let failure): outcome.failures[name] = failure
      case nil: outcome.late.append(name)
      }
    }
    outcome.builder = outcome.ready.first(where: \.isWarm) ?? outcome.ready.first
    return outcome
  }

  /// A host, once it is ready, also when that is late.
  private func candidate(_ name: String) async throws(Arrivals.Failure) -> ImageRun.Candidate {
    guard let way = ways[name] else {
      throw Arrivals.Failure(error: DeliveryError(.usage, host: name, "not a host of this run"), seconds: 0)
    }
    return try await way.value.get()
  }

  /// Does something on several hosts side by side, on each as soon as it is ready. A failure is emitted as it happens.
  func each<Value: Sendable>(
    _ names: [String], context: RunContext, _ body: @escaping @Sendable (ImageRun.Candidate) async throws -> Value
  ) async -> [String: Result<Value, Arrivals.Failure>] {
    await withTaskGroup(of: (String, Result<Value, Arrivals.Failure>).self) { group in
      for name in names {
        group.addTask {
          do {
            return (name, .success(try await body(try await candidate(name))))
          } catch let failure as Arrivals.Failure {
            return (name, .failure(failure))
          } catch {
            let failure = DeliveryError(error, host: name)
            context.emit(.failed(failure), host: name)
            return (name, .failure(Arrivals.Failure(error: failure, seconds: start.duration(to: .now).seconds)))
          }
        }
      }
      return await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
    }
  }
}
