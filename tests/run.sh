#!/usr/bin/env bash
#
# Summary: Build what is missing and run every test on databases of its own.
# Usage: bash tests/run.sh [pytest arguments]
#
# Without arguments: ruff, mypy, the front-end's own tests, then pytest twice at the same time, on the
# folders unit, database, browser and a file of ops and on all others, then on the tests marked `alone`,
# which measure time. With arguments, or with T=path, one pytest on what they name:
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
  local status=$? folder pid
  trap - EXIT INT TERM
  for pid in "${pytest_pids[@]}"; do
    if kill -TERM "$pid" 2>/dev/null; then wait "$pid" || true; fi
  done
  while IFS= read -r folder; do
    PIPELINE_VAR=${folder%/run} py3/bin/python -m app.service stop >/dev/null 2>&1 || true
  done < <(find "$run_folder" -type d -name run)
  rm -rf "$run_folder"
  exit "$status"
}

# Starts pytest in the background, so that Ctrl-C and SIGTERM are answered at once; each NAME has
# databases of its own. Its process id is the last of pytest_pids.
# usage: start_pytest NAME [pytest argument...]
start_pytest() {
  local name=$1
  shift
  PIPELINE_TEST_VAR=$run_folder/$name py3/bin/python -m pytest --basetemp="$run_folder/tmp-$name" \
    -o cache_dir=".pytest_cache/$name" "$@" &
  pytest_pids+=($!)
}

run_pytest() {
  start_pytest "$@"
  wait "${pytest_pids[-1]}"
}

run_everything() {
  local pages others status=0
  # Both halves take the same time.
  local with_pages=(tests/unit tests/database tests/browser tests/ops/test_rotate_secret.py)
  step "pytest: ops, http, attack; at the same time unit, database, browser, shown afterwards" \
       "pytest：ops、http、attack；同时运行 unit、database、browser，结果随后显示"
  start_pytest pages "${with_pages[@]}" -m "not alone" >"$run_folder/pages.log" 2>&1
  pages=${pytest_pids[-1]}
  start_pytest others tests "${with_pages[@]/#/--ignore=}" -m "not alone"
  others=${pytest_pids[-1]}
  wait "$others" || status=$?
  step "pytest: unit, database, browser" "pytest：unit、database、browser"
  wait "$pages" || status=$?
  cat "$run_folder/pages.log"
  step "pytest: what measures time, while nothing else runs" "pytest：测量时间的测试，单独运行"
  run_pytest alone tests -m alone || status=$?
  if (( status )); then
    die "Tests failed; see FAILED and ERROR above." "有测试失败，见上面的 FAILED 与 ERROR。"
  fi
}

main() {
  case ${1:-} in -h|--help) usage; return ;; esac
  step "Build" "构建"
  bash build.sh --dev
  check_chromium

  pytest_pids=()
  run_folder=$(mktemp -d "${TMPDIR:-/tmp}/pipeline-tests-XXXXXX")
  trap clean_up EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  export PIPELINE_TEST_LOGS=$root/var/test-logs
  rm -rf "$PIPELINE_TEST_LOGS"

  if (( $# )) || [[ -n ${T:-} ]]; then
    step "pytest ${T:-} $*" "pytest ${T:-} $*"
    # shellcheck disable=SC2086  # T may name several paths
    run_pytest some ${T:-} "$@"
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
  run_everything
}

main "$@"
