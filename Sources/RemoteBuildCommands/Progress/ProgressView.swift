// SPDX-License-Identifier: Apache-2.0

internal import Delivery

/// Shows a run's events as they come.
protocol ProgressView: Sendable {
  /// Takes the next event. It may be called from any task, and does not wait for who reads.
  func show(_ event: DeliveryEvent)
  /// Takes what is drawn off the terminal, so that something can be asked there.
  func suspend()
  func resume()
  /// Writes what is still to be written and leaves the terminal as it was. What is shown afterwards is written too, at
  /// the latest by the next `finish`.
  func finish()
}

extension ProgressView {
  func suspend() {}
  func resume() {}
}
