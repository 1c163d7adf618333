#!/usr/bin/env bash
#
# Summary: Stop the application and its embedded database.
# Usage: bash stop.sh
#
# Requests that run are finished first, for at most 30 s; nothing is started again afterwards.
# Fine to call when nothing runs.
# PIPELINE_VAR names the run-time folder whose processes are meant, as for start.sh.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/app/shell_common.sh"

main() {
  case ${1:-} in
    '')        ;;
    -h|--help) usage; return ;;
    *)         usage >&2; exit 2 ;;
  esac
  absolute_paths
  cd "$here"
  [[ -x py3/bin/python ]] || { say "Nothing runs here: nothing was built yet." "没有正在运行的进程：尚未构建。"; return; }
  exec py3/bin/python -m app.cli.service stop
}

main "$@"
