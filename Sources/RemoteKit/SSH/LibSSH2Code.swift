// SPDX-License-Identifier: Apache-2.0

internal import CLibSSH2

/// A code of libssh2: the one place where they get their names and meanings.
struct LibSSH2Code: RawRepresentable, Hashable, Sendable {
  var rawValue: CInt

  init(rawValue: CInt) { self.rawValue = rawValue }

  init(_ value: Int) { rawValue = CInt(truncatingIfNeeded: value) }

  static let wouldBlock = LibSSH2Code(rawValue: LIBSSH2_ERROR_EAGAIN)
  static let authenticationFailed = LibSSH2Code(rawValue: LIBSSH2_ERROR_AUTHENTICATION_FAILED)
  static let keyNotVerified = LibSSH2Code(rawValue: LIBSSH2_ERROR_PUBLICKEY_UNVERIFIED)
  static let passwordExpired = LibSSH2Code(rawValue: LIBSSH2_ERROR_PASSWORD_EXPIRED)
  static let channelFailure = LibSSH2Code(rawValue: LIBSSH2_ERROR_CHANNEL_FAILURE)
  static let requestDenied = LibSSH2Code(rawValue: LIBSSH2_ERROR_CHANNEL_REQUEST_DENIED)

  /// Whether the connection is gone, whatever call noticed it.
  var isDisconnection: Bool {
    [
      LIBSSH2_ERROR_SOCKET_NONE, LIBSSH2_ERROR_SOCKET_SEND, LIBSSH2_ERROR_SOCKET_RECV,
      LIBSSH2_ERROR_SOCKET_DISCONNECT, LIBSSH2_ERROR_BANNER_RECV, LIBSSH2_ERROR_BANNER_SEND,
    ].contains(rawValue)
  }

  /// Whether the server refused a login.
  var isRefusal: Bool { self == .authenticationFailed || self == .keyNotVerified }

  /// Whether the peers found no key exchange, host key type or cipher in common.
  var isNegotiation: Bool {
    [LIBSSH2_ERROR_KEX_FAILURE, LIBSSH2_ERROR_METHOD_NONE].contains(rawValue)
  }

  /// The code of ours that fits where the caller knows no better one.
  var remoteCode: RemoteError.Code {
    isDisconnection ? .connectionLost : .protocolFailure
  }
}

/// A failed call of libssh2: its code and its own words.
struct LibSSH2Failure: Error {
  var code: LibSSH2Code
  var message: String
}
