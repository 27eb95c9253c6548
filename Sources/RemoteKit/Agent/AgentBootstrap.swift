// SPDX-License-Identifier: Apache-2.0

internal import Vocabulary

/// The one command that starts the agent on a host, and takes it in first where it is missing.
///
/// It must pass through any login shell, so the script is one line without single quotes, backslashes and exclamation
/// marks. Each answer is a line that begins with ``marker``; whatever a shell's start files print before is skipped.
/// The agents are told apart by their SHA-256, which is checked when one is written; what is installed is started as it
/// is, without another process before it, and one that says no hello is installed anew.
enum AgentBootstrap {
  static let marker = "remote-build-bootstrap "

  /// - Parameter reinstall: upload even where an agent of the right name and size is there.
  static func command(agents: [String: AgentFile], reinstall: Bool) -> String {
    var arguments = AgentFile.architectures.flatMap { architecture in
      agents[architecture].map { [$0.digest.hex, String($0.size)] } ?? ["-", "0"]
    }
    arguments.append(reinstall ? "replace" : "keep")
    return "exec sh -c '\(script)' sh " + arguments.joined(separator: " ")
  }

  private static let script = [
    #"say() { echo "remote-build-bootstrap $*"; }"#,
    #"[ -n "$HOME" ] || { say failed the user has no home directory; exit 0; }"#,
    #"d=$HOME/.cache/remote-build/agents"#,
    #"a=$d/$1/remote-build-agent b=$d/$3/remote-build-agent f="#,
    // Where both stand, in a home that machines of two kinds share, the machine decides below.
    #"if [ $5 = keep ]; then if [ -x "$a" ] && [ ! -e "$b" ]; then f=$a"#
      + #"; elif [ -x "$b" ] && [ ! -e "$a" ]; then f=$b; fi; fi"#,
    #"if [ -n "$f" ]; then say ready; exec "$f"; fi"#,
    #"m=$(uname -sm)"#,
    #"case $m in "Linux x86_64"|"Linux amd64") h=$1 n=$2;; "Linux aarch64"|"Linux arm64") h=$3 n=$4;; *) h=-;; esac"#,
    #"if [ $h = - ]; then say unsupported $m; exit 0; fi"#,
    #"f=$d/$h/remote-build-agent"#,
    #"if [ $5 = keep ] && [ -x "$f" ]; then say ready; exec "$f"; fi"#,
    #"w=$(umask)"#,
    #"umask 077"#,
    #"mkdir -p "$d/$h" || { say failed cannot make the directory $d/$h; exit 0; }"#,
    #"t=$d/$h/.upload.$$"#,
    #"drop() { rm -f "$t"; }"#,
    #"trap drop EXIT HUP INT TERM"#,
    #"say missing $m"#,
    #"head -c $n >"$t" || { say failed cannot write $t; exit 0; }"#,
    #"g=$(sha256sum <"$t" || openssl dgst -sha256 -r <"$t" || shasum -a 256 <"$t")"#,
    #"if [ "${g%% *}" = $h ] && chmod 700 "$t" && mv -f "$t" "$f""#
      + #"; then :; else say failed the upload did not arrive whole at $t; exit 0; fi"#,
    // Newest three, and what a process runs, stay; the others are of earlier versions.
    #"u=$(ls -l /proc/[0-9]*/exe 2>/dev/null)"#,
    #"ls -1t "$d" | tail -n +4 | while read -r o; do [ ${#o} -eq 64 ] || continue"#
      + #"; case $u in *"/agents/$o/"*) ;; *) rm -rf "$d/$o";; esac; done"#,
    #"find "$d" -name ".upload.*" -mmin +60 -exec rm -f {} +"#,
    #"umask $w"#,
    // The mode is right by now: what keeps it from being executed is its filesystem.
    #"[ -x "$f" ] || { say noexec $f; exit 0; }"#,
    #"say ready"#,
    #"trap - EXIT HUP INT TERM"#,
    #"exec "$f""#,
  ].joined(separator: "; ")
}
