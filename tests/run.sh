#!/usr/bin/env bash
#
# Summary: Build what is missing and run every test on databases of its own.
# Usage: bash tests/run.sh [pytest arguments]
#
# Without arguments: ruff, mypy, eslint, tsc, the front-end's own tests, then pytest in several
# processes (two a core, or PIPELINE_TEST_PROCESSES) with a database each, then the tests marked
# `alone`, which measure time, in one. With arguments, or with T=path, one pytest on what they name:
#
#   bash tests/run.sh tests/http -k login
#   T=tests/unit bash tests/run.sh
#
# The tests on a cluster of databases are run by themselves, in about fifteen minutes; they need the
# package galera-4, and iptables and the right to use it for the one that cuts a node off:
#
#   bash tests/run.sh cluster
#
# The browser tests look at each page and window once, with the languages, themes and widths shared
# out among them. Each of them in every look, before a release or after work on the pages' style:
#
#   bash tests/run.sh pages
#
# `bash tests/run.sh replay [--trace FILE]` reports a long trace, or a recorded one, in four ways, and
# tries a client that is generated from the OpenAPI document.
#
# With PIPELINE_TEST_EXAMPLES=100 tests/http/test_schemathesis.py makes up so many requests for each
# call of the API; else a few.
#
# With PIPELINE_TEST_WAY=aiohttp the workers answer no request straight from the HTTP parser.
#
# The random machine over money runs longer with `bash tests/run.sh money --steps N [--seed S]`.
#
# Some tests go through histories by chance, or have all of the distributors' API answered in both
# ways: the run of all has a part of them, always the same, and `bash tests/run.sh long` has all
# (tests/support/long_form.py).
#
# The long mixed load runs with `bash tests/run.sh soak [--minutes N]` (an hour); with
# `--plant memory` its workers leak, and it must end with 1.
# `bash tests/run.sh upgrade [--commit COMMIT]` lets the code of COMMIT serve while this one migrates.
# `py3/bin/python -m tests.simulation --seed N` plays one history of the simulated admission again.
#
# The browser tests take `chromium-headless-shell` where it is, else `chromium`, or what
# PIPELINE_TEST_CHROMIUM names; `pages` takes the whole `chromium` where it is.
#
# With PIPELINE_TEST_SLOW=6 the browser tests have a computer six times slower than this one, and a
# server that takes its time: what a test forgot to wait for shows.
#
# Everything that is started is stopped again, also after Ctrl-C. What a failed test's workers
# logged is kept in var/test-logs.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=$PWD
. app/shell_common.sh

step() { printf '\n== %s\n' "$(say "$@")"; }

# Chromium without its own windows renders the same, by half of the processor time; where the system
# has no such package, the whole does.
check_chromium() {
  local name
  for name in "${PIPELINE_TEST_CHROMIUM:-chromium-headless-shell}" chromium chromium-browser; do
    if command -v "$name" >/dev/null; then return; fi
  done
  may_apt || die "The browser tests need Chromium. Install the package chromium-headless-shell or chromium." \
                 "浏览器测试需要 Chromium，请安装 chromium-headless-shell 或 chromium 软件包。"
  ( apt_install chromium-headless-shell fonts-noto-cjk ) || apt_install chromium fonts-noto-cjk
}

# nginx is unpacked and not installed: its package would start a server on port 80 of this machine.
# Without it the test of ops/nginx.conf is skipped.
check_nginx() {
  local folder=$root/py3/nginx
  if [[ -x $folder/usr/sbin/nginx ]] || PATH=$PATH:/usr/sbin command -v nginx >/dev/null; then return; fi
  if may_apt && ( mkdir -p "$folder" && cd "$folder" && { apt-get download -q nginx ||
       { apt-get update -q && apt-get download -q nginx; }; } && dpkg -x nginx_*.deb . ) >/dev/null 2>&1; then return; fi
  say "Without the package nginx the test of ops/nginx.conf is left out." \
      "没有 nginx 软件包，略过对 ops/nginx.conf 的测试。"
}

check_galera() {
  if [[ -n ${PIPELINE_GALERA:-} || -e /usr/lib/galera/libgalera_smm.so ]]; then return; fi
  may_apt || die "The cluster tests need Galera. Install the package galera-4." \
                 "集群测试需要 Galera，请安装 galera-4 软件包。"
  apt_install galera-4
}

# Stops everything that was started in the run's folder, and nothing else, then removes it.
clean_up() {
  local status=$? folder
  trap - EXIT INT TERM
  if [[ -n $pytest_pid ]] && kill -TERM "$pytest_pid" 2>/dev/null; then wait "$pytest_pid" || true; fi
  while IFS= read -r folder; do
    PIPELINE_VAR=${folder%/run} py3/bin/python -m app.cli.service stop >/dev/null 2>&1 || true
  done < <(find "$run_folder" -type d -name run)
  rm -rf "$run_folder"
  exit "$status"
}

# Runs pytest in the background, so that Ctrl-C and SIGTERM are answered at once.
# usage: run_pytest NAME [pytest argument...]
run_pytest() {
  local name=$1
  shift
  PIPELINE_TEST_VAR=$run_folder/$name py3/bin/python -m pytest --basetemp="$run_folder/tmp-$name" \
    -o cache_dir=".pytest_cache/$name" "$@" &
  pytest_pid=$!
  wait "$pytest_pid"
}

# Runs the random machine over money for as many steps as asked for.
# usage: run_money [--steps N] [--seed S]
run_money() {
  step "money: product and model side by side" "money：产品与模型逐步对照"
  PIPELINE_TEST_VAR=$run_folder/money py3/bin/python -m tests.money.long_run "$@" &
  pytest_pid=$!
  wait "$pytest_pid"
}

# Runs the tests that have a long form in it.
# usage: run_long [pytest argument...]
run_long() {
  local files
  mapfile -t files < <(grep -rlE --include='test_*.py' 'tests\.support\.long_form|BOTH_WAYS = |tests\.money\.parts' tests | sort)
  step "long: all histories by chance" "long：全部随机历史"
  PIPELINE_TEST_LONG=1 run_pytest long -o timeout=1800 "${files[@]}" "$@"
}

# Runs the long mixed load for as many minutes as asked for.
# usage: run_soak [--minutes N]
run_soak() {
  step "soak: does anything grow under a long load" "soak：长时间负载下是否有增长"
  PIPELINE_TEST_VAR=$run_folder/soak py3/bin/python -m tests.ops.soak "$@" &
  pytest_pid=$!
  wait "$pytest_pid"
}

# Lets workers of an old version serve while its tables are migrated.
# usage: run_upgrade [--commit COMMIT]
run_upgrade() {
  step "upgrade: an old version serves while its tables are migrated" "upgrade：迁移期间旧版本继续运行"
  PIPELINE_TEST_VAR=$run_folder/upgrade py3/bin/python -m tests.ops.old_version "$@" &
  pytest_pid=$!
  wait "$pytest_pid"
}

# Reports a trace in four ways, and tries a generated client.
# usage: run_replay [--trace FILE]
run_replay() {
  if [[ ${1:-} == --trace ]]; then
    [[ -r ${2:-} ]] || die "Give a trace: --trace FILE" "请给出轨迹文件：--trace 文件"
    PIPELINE_REPLAY_TRACE=$(realpath "$2")
    export PIPELINE_REPLAY_TRACE
    shift 2
  fi
  step "replay: a trace in four ways, a generated client" "replay：同一轨迹以四种方式上报；自动生成的客户端"
  PIPELINE_REPLAY=1 run_pytest replay -o timeout=3600 \
    tests/clients/test_trace.py tests/clients/test_generated.py tests/clients/test_readmes.py "$@"
}

# Looks at every page in every language, theme and width.
# usage: run_pages [pytest argument...]
run_pages() {
  step "pages: each in every language, theme and width" "pages：每个页面的各种语言、主题与宽度"
  if [[ -z ${PIPELINE_TEST_CHROMIUM:-} ]] && command -v chromium >/dev/null; then
    export PIPELINE_TEST_CHROMIUM=chromium
  fi
  PIPELINE_TEST_PAGES=1 run_pytest pages -m "not alone" -n "$(nproc)" --dist loadfile \
    tests/browser/test_{every_page,own_pages,api_pages,long_list_pages}.py "$@"
}

# Linter, types and tests of the browser side and of the TypeScript client, with the Node that built
# them; what the client does, tests/clients runs.
check_frontend() {
  local PATH=$PATH:$root/py3/bin
  step "eslint" "eslint"
  npm --prefix app/frontend run --silent lint
  npm --prefix clients/js run --silent lint
  step "tsc" "tsc"
  npm --prefix app/frontend run --silent types
  npm --prefix clients/js run --silent types
  step "node --test" "node --test"
  npm --prefix app/frontend run --silent test
}

# Most tests wait for a server, a browser or a database half of their time, so two processes a core.
# In the order of the folders: a browser, or workers that run, serve the next file too.
run_everything() {
  local status=0 processes=${PIPELINE_TEST_PROCESSES:-$((2 * $(nproc)))} files
  export PIPELINE_TEST_TEMPLATE=$run_folder/template
  step "The databases of the tests, and the tests compiled" "测试用数据库；编译测试"
  # Once, and beside each other: each test process would compile them all for itself.
  py3/bin/python -m pytest --collect-only -qqq -o cache_dir=.pytest_cache/compiled tests >/dev/null &
  pytest_pid=$!
  TMPDIR=$run_folder py3/bin/python -m tests.support.first_set_up "$PIPELINE_TEST_TEMPLATE"
  wait "$pytest_pid" || true  # what cannot be collected, the run itself tells
  step "pytest in $processes processes, a database each" "pytest：$processes 个进程，各有数据库"
  run_pytest together tests --ignore=tests/cluster -m "not alone" -n "$processes" --dist loadfile --no-loadscope-reorder || status=$?
  step "pytest: what measures time, while nothing else runs" "pytest：测量时间的测试，单独运行"
  # The files that have such, since to read all takes a while.
  mapfile -t files < <(grep -rl --include='test_*.py' --exclude-dir=cluster 'mark\.alone' tests | sort)
  run_pytest alone "${files[@]}" -m alone || status=$?
  if (( status )); then
    die "Tests failed; see FAILED and ERROR above." "有测试失败，见上面的 FAILED 与 ERROR。"
  fi
}

# What Python compiles and pytest rewrites is kept for the processes that follow: each of them
# reads every test, and many commands and workers are started.
unset PYTHONDONTWRITEBYTECODE

main() {
  case ${1:-} in -h|--help) usage; return ;; esac
  step "Build" "构建"
  bash build.sh --dev
  check_chromium
  check_nginx

  pytest_pid=''
  run_folder=$(mktemp -d "${TMPDIR:-/tmp}/pipeline-tests-XXXXXX")
  trap clean_up EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  export PIPELINE_TEST_LOGS=$root/var/test-logs
  rm -rf "$PIPELINE_TEST_LOGS"

  if [[ ${1:-} == money ]]; then
    run_money "${@:2}"
    return
  fi
  if [[ ${1:-} == long ]]; then
    run_long "${@:2}"
    return
  fi
  if [[ ${1:-} == soak ]]; then
    run_soak "${@:2}"
    return
  fi
  if [[ ${1:-} == upgrade ]]; then
    run_upgrade "${@:2}"
    return
  fi
  if [[ ${1:-} == replay ]]; then
    run_replay "${@:2}"
    return
  fi
  if [[ ${1:-} == pages ]]; then
    run_pages "${@:2}"
    return
  fi
  if [[ ${1:-} == cluster ]]; then
    check_galera
    set -- tests/cluster "${@:2}"
  fi
  if (( $# )) || [[ -n ${T:-} ]]; then
    step "pytest ${T:-} $*" "pytest ${T:-} $*"
    # shellcheck disable=SC2086  # T may name several paths
    run_pytest some ${T:-} "$@"
    return
  fi
  step "ruff" "ruff"
  py3/bin/ruff check .
  py3/bin/ruff format --check .
  step "mypy" "mypy"
  py3/bin/mypy
  check_frontend
  run_everything
}

main "$@"
