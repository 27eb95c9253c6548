#!/usr/bin/env bash
# The old name, calling the new tool:
#   remote-build-base-ml.sh [USER@HOST [DIR [REGISTRY [VERSION [OWNER]]]]]
# What is left out comes from remote-build.yaml and the host files.
set -euo pipefail
case ${1:-} in -h | --help) set -- 1 2 3 4 5 6 ;; esac
if [ $# -gt 5 ]; then
  echo "usage: $(basename "$0") [USER@HOST [DIR [REGISTRY [VERSION [OWNER]]]]]" >&2
  exit 64
fi
arguments=()
names=(--host --remote-dir --registry --version --owner)
for value in "$@"; do
  if [ -n "$value" ]; then arguments+=("${names[0]}" "$value"); fi
  names=("${names[@]:1}")
done
tool=$(dirname "$0")/../bin/remote-build
[ -x "$tool" ] || tool=remote-build
command -v "$tool" >/dev/null || { echo "$(basename "$0"): remote-build is not on PATH: scripts/install --prefix DIR" >&2; exit 69; }
exec "$tool" base-ml "${arguments[@]+"${arguments[@]}"}"
