// SPDX-License-Identifier: Apache-2.0

internal import CCurl

/// What libcurl's codes mean to this room: the one place where they are told apart.
struct CurlCode: Equatable, Sendable {
  let rawValue: UInt32

  init(_ code: CURLcode) { rawValue = code.rawValue }

  static func ~= (pattern: CURLcode, value: CurlCode) -> Bool { pattern.rawValue == value.rawValue }

  var isSuccess: Bool { rawValue == CURLE_OK.rawValue }

  /// The kind of failure. libcurl 7.62 and newer has no code of its own for a certificate that is not trusted.
  var failure: RegistryError.Code {
    switch self {
    case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY, CURLE_COULDNT_CONNECT, CURLE_PROXY,
      CURLE_INTERFACE_FAILED:
      .unreachable
    case CURLE_OPERATION_TIMEDOUT: .timedOut
    case CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE, CURLE_SSL_CERTPROBLEM,
      CURLE_SSL_CIPHER, CURLE_USE_SSL_FAILED, CURLE_SSL_CRL_BADFILE, CURLE_SSL_ISSUER_ERROR,
      CURLE_SSL_ENGINE_NOTFOUND, CURLE_SSL_ENGINE_SETFAILED, CURLE_SSL_ENGINE_INITFAILED,
      CURLE_SSL_PINNEDPUBKEYNOTMATCH, CURLE_SSL_INVALIDCERTSTATUS, CURLE_SSL_CLIENTCERT:
      .tls
    case CURLE_GOT_NOTHING, CURLE_SEND_ERROR, CURLE_RECV_ERROR, CURLE_PARTIAL_FILE, CURLE_HTTP2,
      CURLE_HTTP2_STREAM, CURLE_SSL_SHUTDOWN_FAILED, CURLE_SEND_FAIL_REWIND:
      .connectionLost
    default: .protocolViolation
    }
  }

  /// libcurl's own words for the code, where a transfer left none.
  var text: String { String(cString: curl_easy_strerror(CURLcode(rawValue))) }

  /// What a person can do about it.
  func hint(caFile: String?) -> String? {
    switch self {
    case CURLE_SSL_CACERT_BADFILE:
      caFile.map { "check that \($0) exists, can be read, and holds certificates in PEM form" }
    case CURLE_PEER_FAILED_VERIFICATION:
      caFile == nil
        ? "name the certificate of the registry's own authority with `ca-file`, if it has one"
        : "the certificate is not from the authority in `ca-file`, or is for another name, or has expired"
    case CURLE_SSL_CONNECT_ERROR:
      "check that the port speaks TLS; a registry in plain HTTP is written {address: …, insecure: true}"
    case CURLE_COULDNT_RESOLVE_HOST: "check the registry's name, and the network"
    case CURLE_COULDNT_CONNECT: "check that the registry runs, and its port"
    case CURLE_COULDNT_RESOLVE_PROXY, CURLE_PROXY: "check https_proxy and no_proxy in the environment"
    default: nil
    }
  }
}
