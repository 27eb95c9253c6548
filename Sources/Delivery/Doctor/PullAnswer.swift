// SPDX-License-Identifier: Apache-2.0

/// What Docker's daemon says when it is to pull a tag that is not there. Its words are all there is: it has no codes for
/// them.
struct PullAnswer {
  /// The last line that says something.
  private let line: String
  private let lower: String

  init(_ text: String) {
    line = text.split(whereSeparator: \.isNewline).last.map(String.init) ?? ""
    lower = text.lowercased()
  }

  private func says(_ words: String...) -> Bool { words.contains { lower.contains($0) } }

  func check(registry: String) -> Check {
    let certificates = "/etc/docker/certs.d/\(registry)/ca.crt"
    func fail(_ status: ExitStatus, _ what: String, _ mend: String...) -> Check {
      .fail(.hostPull, status, "\(what): \(line)", mend: mend)
    }
    if says("no such host", "server misbehaving", "name resolution") {
      return fail(
        .unavailable, "Docker's daemon cannot resolve the registry's name",
        "mend the host's name servers (/etc/resolv.conf), then: sudo systemctl restart docker")
    }
    if says("certificate has expired") {
      return fail(
        .unavailable, "the registry's certificate has expired, or the host's clock is wrong",
        "renew the registry's certificate", "or set the host's clock: sudo timedatectl set-ntp true")
    }
    if says("unknown authority", "not trusted", "self-signed", "self signed") {
      return fail(
        .unavailable, "Docker's daemon does not trust the registry's certificate",
        "put the certificate of its authority there as \(certificates); no restart is needed")
    }
    if says("x509", "tls:", "handshake") {
      return fail(
        .unavailable, "Docker's daemon and the registry do not agree on TLS", "look at the registry's certificate")
    }
    if says("http response to https client") {
      return fail(
        .unavailable, "the registry speaks plain HTTP, and Docker's daemon wants TLS",
        "give the registry TLS, or list it under insecure-registries in the host's /etc/docker/daemon.json")
    }
    if says(
      "connection refused", "no route to host", "network is unreachable", "i/o timeout", "timeout", "connection reset",
      ": eof")
    {
      return fail(
        .unavailable, "Docker's daemon does not reach the registry",
        "look at firewalls, and at the daemon's proxy: docker info | grep -i proxy")
    }
    if says("unauthorized", "authentication required", "no basic auth credentials", "incorrect username", "denied") {
      return fail(
        .authentication, "the registry does not let Docker's daemon in with this machine's login",
        "docker login \(registry)")
    }
    if says("not found", "manifest unknown", "name unknown") {
      return .pass(.hostPull, "Docker's daemon reaches it and is let in")
    }
    if says("toomanyrequests", "rate limit") {
      return .warn(.hostPull, "the registry limits pulls: \(line)", mend: "log in: docker login \(registry)")
    }
    return .warn(
      .hostPull, "Docker's daemon was to ask the registry, and said: \(line)",
      mend: "try it there: docker pull \(registry)/…")
  }
}
