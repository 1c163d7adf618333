#!/usr/bin/env bash
#
# Summary: Build what is missing and run every test on databases of its own.
# Usage: bash tests/run.sh [pytest arguments]
#
# Without arguments: ruff, mypy, the front-end's own tests, then pytest on the folders unit, ops, database,
# http, browser, attack, fault. With arguments, or with T=path, pytest alone on what they name:
#
#   bash tests/run.sh tests/http -k login
#   T=tests/unit bash tests/run.sh
#
# Everything that is started is stopped again, also after Ctrl-C. What a failed test's workers
# logged is kept in var/test-logs.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=$PWD
. app/shell_common.sh

step() { printf '\n== %s\n' "$(say "$@")"; }

check_chromium() {
  if command -v chromium >/dev/null || command -v chromium-browser >/dev/null; then return; fi
  may_apt || die "The browser tests need Chromium. Install the package chromium." \
                 "浏览器测试需要 Chromium，请安装 chromium 软件包。"
  apt_install chromium fonts-noto-cjk
}

# Stops everything that was started in the run's folder, and nothing else, then removes it.
clean_up() {
  local status=$? folder
  trap - EXIT INT TERM
  if [[ -n $pytest_pid ]] && kill -TERM "$pytest_pid" 2>/dev/null; then wait "$pytest_pid" || true; fi
  while IFS= read -r folder; do
    PIPELINE_VAR=${folder%/run} py3/bin/python -m app.service stop >/dev/null 2>&1 || true
  done < <(find "$run_folder" -type d -name run)
  rm -rf "$run_folder"
  exit "$status"
}

# In the background, so that Ctrl-C and SIGTERM are answered at once.
run_pytest() {
  py3/bin/python -m pytest --basetemp="$run_folder/tmp" "$@" &
  pytest_pid=$!
  wait "$pytest_pid"
}

main() {
  case ${1:-} in -h|--help) usage; return ;; esac
  local folders=()
  step "Build" "构建"
  bash build.sh --dev
  check_chromium

  pytest_pid=
  run_folder=$(mktemp -d "${TMPDIR:-/tmp}/pipeline-tests-XXXXXX")
  trap clean_up EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  export PIPELINE_TEST_VAR=$run_folder/var PIPELINE_TEST_LOGS=$root/var/test-logs
  rm -rf "$PIPELINE_TEST_LOGS"

  if (( $# )) || [[ -n ${T:-} ]]; then
    step "pytest ${T:-} $*" "pytest ${T:-} $*"
    # shellcheck disable=SC2086  # T may name several paths
    run_pytest ${T:-} "$@"
    return
  fi
  step "ruff" "ruff"
  py3/bin/ruff check .
  step "mypy" "mypy"
  py3/bin/mypy
  if [[ -d tests/js ]]; then
    step "node --test" "node --test"
    PATH=$PATH:$root/py3/bin node --test tests/js/
  fi
  step "pytest" "pytest"
  for folder in unit ops database http browser attack fault; do
    if [[ -n $(find "tests/$folder" -name 'test_*.py' 2>/dev/null) ]]; then folders+=("tests/$folder"); fi
  done
  run_pytest "${folders[@]}"
}

main "$@"
