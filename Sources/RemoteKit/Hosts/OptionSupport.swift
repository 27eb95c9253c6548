// SPDX-License-Identifier: Apache-2.0

/// What becomes of each option of the SSH configuration over libssh2; docs/ssh.md says it for people.
enum OptionSupport: Hashable, Sendable {
  /// Done as `ssh` does it, or done by `ssh -G` already.
  case honoured
  /// Changes nothing of what is done here.
  case irrelevant
  /// Another way to log in. Where the login succeeds without it, it changes nothing; where not, the refusal names it.
  case login(unless: Set<String> = [])
  /// Cannot be honoured, and is said once a run, unless it has one of the values that change nothing.
  case said(unless: Set<String> = [], why: String)
  /// Cannot be honoured, and to go on without it would trust whom the configuration does not: an error.
  case refused(unless: Set<String> = [], why: String)

  static let hint = "Set 'transport: openssh' in the host's file: the system's ssh then makes the connection."

  /// By keyword as `ssh -G` prints it.
  static let table: [String: OptionSupport] = {
    var table: [String: OptionSupport] = [:]
    for keyword in [
      "addressfamily", "batchmode", "bindaddress", "bindinterface", "canonicaldomains", "canonicalizefallbacklocal",
      "canonicalizehostname", "canonicalizemaxdots", "canonicalizepermittedcnames", "ciphers", "connectionattempts",
      "connecttimeout", "globalknownhostsfile", "hashknownhosts", "host", "hostkeyalgorithms", "hostkeyalias",
      "hostname", "identitiesonly", "identityagent", "identityfile", "kexalgorithms", "macs", "port", "proxycommand",
      "proxyjump", "serveralivecountmax", "serveraliveinterval", "stricthostkeychecking", "tag", "tcpkeepalive", "user",
      "userknownhostsfile",
    ] { table[keyword] = .honoured }
    for keyword in [
      // A terminal, and what a person sees.
      "enableescapecommandline", "escapechar", "fingerprinthash", "loglevel", "logverbose", "obscurekeystroketiming",
      "requesttty", "stdinnull", "syslogfacility", "visualhostkey", "xauthlocation", "forkafterauthentication",
      // Our own command runs, over our own connection, with contents that are compressed already.
      "compression", "controlmaster", "controlpath", "controlpersist", "remotecommand", "sessiontype",
      // Nothing is forwarded, so this forwards nothing.
      "clearallforwardings", "exitonforwardfailure", "forwardagent", "forwardx11", "forwardx11timeout",
      "forwardx11trusted", "gatewayports", "permitremoteopen", "streamlocalbindmask", "streamlocalbindunlink",
      "tunneldevice",
      // known_hosts alone decides, and nothing but a new host is written to it.
      "checkhostip", "nohostauthenticationforlocalhost", "updatehostkeys",
      // Of ways to log in that are named below, or that are tried as they are.
      "addkeystoagent", "casignaturealgorithms", "enablesshkeysign", "gssapiclientidentity",
      "gssapidelegatecredentials", "gssapikexalgorithms", "gssapikeyexchange", "gssapirenewalforcesrekey",
      "gssapiserveridentity", "gssapitrustdns", "hostbasedacceptedalgorithms", "hostbasedkeytypes",
      "kbdinteractivedevices",
      "ignoreunknown", "securitykeyprovider", "versionaddendum", "warnweakcrypto",
      // Only with ProxyCommand, where it is an error.
      "proxyusefdpass",
    ] { table[keyword] = .irrelevant }
    for keyword in [
      "challengeresponseauthentication", "kbdinteractiveauthentication", "numberofpasswordprompts",
      "passwordauthentication", "preferredauthentications",
      "pubkeyacceptedkeytypes", "pubkeyauthentication", "usekeychain",
    ] { table[keyword] = .irrelevant }
    table["certificatefile"] = .login()
    table["pkcs11provider"] = .login(unless: ["none"])
    table["gssapiauthentication"] = .login(unless: ["no"])
    table["hostbasedauthentication"] = .login(unless: ["no"])
    table["channeltimeout"] = .said(unless: ["none"], why: "channels have no time limit")
    table["dynamicforward"] = .said(why: "nothing is forwarded")
    table["ipqos"] = .said(
      unless: ["lowdelay throughput", "af21 cs1", "ef none", "ef cs0"], why: "packets are not marked")
    table["knownhostscommand"] = .said(unless: ["none"], why: "only the known_hosts files are read")
    table["localcommand"] = .said(unless: ["none"], why: "it is not run")
    table["localforward"] = .said(why: "nothing is forwarded")
    table["permitlocalcommand"] = .irrelevant
    table["pubkeyacceptedalgorithms"] = .irrelevant
    table["rekeylimit"] = .said(unless: ["0 0"], why: "the server alone asks for new keys")
    table["remoteforward"] = .said(why: "nothing is forwarded")
    table["requiredrsasize"] = .said(unless: ["1024", "2048"], why: "RSA keys of any size are taken")
    table["sendenv"] = .said(unless: ["LANG", "LC_*", "COLORTERM", "NO_COLOR"], why: "no variables are sent")
    table["setenv"] = .said(why: "no variables are sent")
    table["tunnel"] = .said(unless: ["false", "no"], why: "no tunnel device is opened")
    table["verifyhostkeydns"] = .said(unless: ["false", "no"], why: "only the known_hosts files are read")
    table["revokedhostkeys"] = .refused(unless: ["none"], why: "its keys would be accepted")
    table["refuseconnection"] = .refused(why: "it forbids the connection")
    return table
  }()

  /// The options' names as the manual writes them, where that is not what `ssh -G` prints.
  private static let names = [
    "certificatefile": "CertificateFile", "channeltimeout": "ChannelTimeout", "dynamicforward": "DynamicForward",
    "gssapiauthentication": "GSSAPIAuthentication", "hostbasedauthentication": "HostbasedAuthentication",
    "ipqos": "IPQoS", "knownhostscommand": "KnownHostsCommand", "localcommand": "LocalCommand",
    "localforward": "LocalForward", "pkcs11provider": "PKCS11Provider", "refuseconnection": "RefuseConnection",
    "rekeylimit": "RekeyLimit", "remoteforward": "RemoteForward", "requiredrsasize": "RequiredRSASize",
    "revokedhostkeys": "RevokedHostKeys", "sendenv": "SendEnv", "setenv": "SetEnv", "tunnel": "Tunnel",
    "verifyhostkeydns": "VerifyHostKeyDNS",
  ]

  struct Findings: Hashable, Sendable {
    var notices: [String] = []
    var refusals: [String] = []
    /// Names of options.
    var logins: [String] = []
  }

  /// What is to be said of a host's configuration.
  static func findings(_ resolution: HostResolution) -> Findings {
    var findings = Findings()
    for (keyword, values) in resolution.values.sorted(by: { $0.key < $1.key }) {
      func set(unless quiet: Set<String>) -> String? {
        guard values.contains(where: { !quiet.contains($0) }) else { return nil }
        return names[keyword] ?? keyword
      }
      switch table[keyword] {
      case .honoured, .irrelevant: break
      case .login(let quiet):
        if let name = set(unless: quiet) { findings.logins.append(name) }
      case .said(let quiet, let why):
        // A command that is set but not permitted is not run by ssh either.
        if keyword == "localcommand", resolution.values["permitlocalcommand"] != ["yes"] { continue }
        if let name = set(unless: quiet) {
          findings.notices.append(
            "\(name) of the ssh configuration is not honoured with libssh2 (\(why)); 'transport: openssh' does")
        }
      case .refused(let quiet, let why):
        if let name = set(unless: quiet) {
          findings.refusals.append("\(name) of the ssh configuration cannot be honoured with libssh2: \(why)")
        }
      case nil:
        findings.notices.append("\(keyword) of the ssh configuration is not known here, and not honoured with libssh2")
      }
    }
    return findings
  }
}
