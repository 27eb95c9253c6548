// SPDX-License-Identifier: Apache-2.0

/// What one call of the state machine came to; failures are thrown.
enum SSHStep<Value> {
  case done(Value)
  /// Nothing more can happen before bytes arrive or leave.
  case wouldBlock
}
