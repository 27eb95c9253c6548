// SPDX-License-Identifier: Apache-2.0

internal import CLibSSH2

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// libssh2 as a pure state machine: it reads from `input` and writes to `output`, and sees no socket.
///
/// Its send callback takes everything, so that no call is ever left half sent: with a partial send every other call on
/// the session would fail. Confined to its session's loop thread; the session calls ``shutDown()`` in the end.
final class SSHEngine {
  private(set) var session: OpaquePointer!
  var input = ByteQueue()
  var output = ByteQueue()
  /// Set by the session when the transport has ended: what is still in `input` is served, then reads fail.
  var inputEnded = false
  /// Whether a call took bytes from `input` since this was last reset: other channels may have got data by it.
  var consumedInput = false

  /// What the server said when it last refused a login; see ``AuthenticationRefusal``. `nil` where it cannot be told.
  var refusal: AuthenticationRefusal?
  /// Set while a login is under way: only then is what libssh2 frees looked at.
  var watchesRefusals = false
  /// The most that one allocation may ask for, which then gets as many zeros behind it; see ``KeyboardChallenge``.
  var allocationLimit: Int?
  /// Answers what the server asks; the call that led to it waits. Fewer answers than prompts: the rest are empty.
  var answerChallenge: ((KeyboardChallenge) -> [String])?
  /// The first of what the peer sent, in the clear, until the keys are exchanged: its offer is in it.
  var overture: [UInt8]? = []
  /// What the server gave as its reason for hanging up.
  var farewell: String?

  /// Bulk writers wait while more than this is unsent.
  static let outputLimit = 1 << 20

  // libssh2_init is not safe from several threads at once; a global's initialiser runs once.
  private static let initialised: CInt = libssh2_init(0)

  init?() {
    guard Self.initialised == 0,
      let session = libssh2_session_init_ex(
        { count, abstract in SSHEngine.from(abstract).allocate(count) },
        { pointer, abstract in SSHEngine.from(abstract).release(pointer) },
        { pointer, count, _ in realloc(pointer, count) }, Unmanaged.passUnretained(self).toOpaque())
    else { return nil }
    self.session = session
    libssh2_session_set_blocking(session, 0)
    rb_ssh_set_callbacks(
      session,
      { _, buffer, length, _, abstract in
        guard let buffer else { return -Int(EINVAL) }
        return SSHEngine.from(abstract).receive(
          UnsafeMutableRawBufferPointer(start: buffer, count: length))
      },
      { _, bytes, length, _, abstract in
        SSHEngine.from(abstract).output.append(UnsafeRawBufferPointer(start: bytes, count: length))
        return length
      },
      { _, _, message, length, _, _, abstract in
        let bytes = UnsafeRawBufferPointer(start: message, count: max(0, min(Int(length), 1000)))
        SSHEngine.from(abstract).farewell = String(decoding: bytes, as: UTF8.self)
      })
  }

  private func allocate(_ count: Int) -> UnsafeMutableRawPointer? {
    guard let allocationLimit else { return malloc(count) }
    return count <= allocationLimit ? calloc(1, count + allocationLimit) : nil
  }

  private func release(_ pointer: UnsafeMutableRawPointer?) {
    guard let pointer else { return }
    if watchesRefusals {
      let bytes = UnsafeRawBufferPointer(start: pointer, count: rb_ssh_allocated(pointer))
      if let refusal = AuthenticationRefusal(packet: bytes) { self.refusal = refusal }
    }
    free(pointer)
  }

  private static func from(_ abstract: UnsafeMutablePointer<UnsafeMutableRawPointer?>!) -> SSHEngine {
    Unmanaged<SSHEngine>.fromOpaque(abstract.pointee!).takeUnretainedValue()
  }

  private func receive(_ buffer: UnsafeMutableRawBufferPointer) -> Int {
    let count = input.take(into: buffer)
    if count > 0 {
      consumedInput = true
      if let recorded = overture?.count, recorded < ServerOffer.limit {
        overture?.append(contentsOf: buffer.prefix(min(count, ServerOffer.limit - recorded)))
      }
      return count
    }
    return inputEnded ? -Int(ECONNRESET) : -Int(EAGAIN)
  }

  /// Turns a result of libssh2 into a step: 0 and more is done, EAGAIN would block, anything else is thrown.
  func step(_ result: Int) throws(LibSSH2Failure) -> SSHStep<Int> {
    if result >= 0 { return .done(result) }
    let code = LibSSH2Code(result)
    if code == .wouldBlock { return .wouldBlock }
    throw LibSSH2Failure(code: code, message: lastMessage)
  }

  /// The step of a call that returns a pointer or `nil` with the error set aside.
  func step<Pointer>(_ pointer: Pointer?) throws(LibSSH2Failure) -> SSHStep<Pointer> {
    if let pointer { return .done(pointer) }
    let code = LibSSH2Code(Int(libssh2_session_last_errno(session)))
    if code == .wouldBlock { return .wouldBlock }
    throw LibSSH2Failure(code: code, message: lastMessage)
  }

  var lastMessage: String {
    var text: UnsafeMutablePointer<CChar>?
    libssh2_session_last_error(session, &text, nil, 0)
    return text.map { String(cString: $0) } ?? "unknown error"
  }

  /// Frees everything. Reads fail from now on, since the frees would otherwise wait for the peer.
  func shutDown() {
    guard let session else { return }
    inputEnded = true
    input = ByteQueue()
    // The first call may end what was under way; a failed transport makes the second one final.
    for _ in 0..<8 where libssh2_session_free(session) == 0 {
      self.session = nil
      return
    }
  }
}
