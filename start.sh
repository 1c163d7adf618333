#!/usr/bin/env bash
#
# Summary: Build what is missing and start the application; returns when it answers.
# Usage: bash start.sh [--demo | --reload]
#
# --demo     also load demo data, and print the address, the administrator's name and password,
#            an API key and a curl line
# --reload   take this folder's code, pages and settings over without an interruption: build,
#            migrate while the old workers serve, then put new workers in their place
#
# Starts, in this order: the embedded database (only while the settings name no database host),
# schema, roles and paths, a parent process, and by it one worker per core; the parent starts again
# what dies or hangs. Calling it again is harmless; with another PIPELINE_WORKERS it brings their
# number to that.
#
# PIPELINE_PORT, PIPELINE_HOST, PIPELINE_WORKERS, PIPELINE_VAR (run-time folder),
# PIPELINE_CONF, PIPELINE_DB_PASSWORD, PIPELINE_SAGE_DB_PASSWORD and SAGE_RBAC_DB override
# conf/config.json and conf/local.json.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/app/shell_common.sh"

main() {
  case ${1:-} in
    ''|--demo|--reload) ;;
    -h|--help) usage; return ;;
    *)         usage >&2; exit 2 ;;
  esac
  absolute_paths
  cd "$here"
  bash build.sh
  umask 077
  exec py3/bin/python -m app.cli.service start "$@"
}

main "$@"
