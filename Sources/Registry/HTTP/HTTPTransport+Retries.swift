// SPDX-License-Identifier: Apache-2.0

internal import Foundation

extension HTTPTransport {
  /// Follows redirects, and sends a request again that may be sent twice, when its connection broke or the registry
  /// failed (5xx) or was too busy (429); with growing pauses, and never beyond the deadline.
  ///
  /// - Returns: the last answer, whatever its status.
  /// - Throws: ``RegistryError``, `CancellationError`, or what the request's sink or the route threw.
  func perform(_ request: HTTPRequest, deadline: ContinuousClock.Instant) async throws -> HTTPResponse {
    let mayRepeat = [.get, .head, .put, .delete].contains(request.method)
    var pause = retryPause
    var earlier: RegistryError?
    for attempt in 1... {
      let isLast = !mayRepeat || attempt == 5
      do {
        let response = try await follow(request, deadline: deadline)
        let isPassing = response.status == 429 || (500...599).contains(response.status)
        guard isPassing, response.status != 501, !isLast,
          let wait = Self.pause(asked: response.value("Retry-After"), own: pause, before: deadline)
        else { return response }
        try await Task.sleep(for: wait)
      } catch let failure as TransportFailure {
        guard failure.isTransient, !isLast, let wait = Self.pause(asked: nil, own: pause, before: deadline) else {
          // A broken connection says more than that the time ran out while trying again.
          throw failure.error.code == .timedOut ? earlier ?? failure.error : failure.error
        }
        earlier = failure.error
        try await Task.sleep(for: wait)
      }
      pause *= 2
    }
    preconditionFailure("the loop has no end but its returns")
  }

  /// RFC 9110, "Retry-After": seconds, or a date, `Wed, 21 Oct 2015 07:28:00 GMT`.
  static func seconds(_ asked: String) -> Int? {
    if let seconds = Int(asked) { return seconds }
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    let words = asked.split(separator: " ")
    guard words.count == 6, words[5] == "GMT", let month = months.firstIndex(of: String(words[2])) else { return nil }
    let number = month + 1 < 10 ? "0\(month + 1)" : "\(month + 1)"
    guard let time = Timestamp("\(words[3])-\(number)-\(words[1])T\(words[4])Z") else { return nil }
    let now = Int64(Date().timeIntervalSince1970)
    return Int(clamping: time.secondsSinceEpoch - now)
  }

  /// How long to wait: what the registry asks for, or our own pause and up to half as much again, so that many clients
  /// do not come back at once. `nil` where the deadline would pass meanwhile.
  private static func pause(
    asked: String?, own: Duration, before deadline: ContinuousClock.Instant
  ) -> Duration? {
    let asked = asked.flatMap(Self.seconds).map { Duration.seconds(min(max($0, 0), 3600)) }
    let pause = max(asked ?? .zero, own * Double.random(in: 1...1.5))
    return ContinuousClock.now + pause < deadline ? pause : nil
  }
}
