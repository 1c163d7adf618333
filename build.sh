#!/usr/bin/env bash
#
# Summary: Build everything that start.sh needs; quick when nothing changed.
# Usage: bash build.sh [--dev]
#
# --dev   also what the tests and the linters need
#
# Steps: Python environment py3 (locked packages, with hashes), front-end libraries, DDL and
# pages of the three modules, the application's Python code compiled, the embedded database's server program (only while
# conf/config.json names no database host), and the program that backups are made with.
#
# PYTHON           which Python makes py3 (default: the first of 3.11 or newer that is found)
# PIPELINE_NO_APT  set to 1, no system package is ever installed
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")"
root=$PWD
stamps=$root/py3/stamps
modules=(pipeline_core pipeline_ops pipeline_dist)
. app/shell_common.sh

# A stamp holds the hash of what a step was made from, and is written when the step is done.
is_done() { [[ -f $stamps/$1 && $(< "$stamps/$1") == "$2" ]]; }
mark_done() { mkdir -p "$stamps" && printf '%s\n' "$2" > "$stamps/$1"; }

# Python 3.11 or newer that really runs: version managers put up names that do not.
find_python() {
  local name
  for name in ${PYTHON:-python3 python3.13 python3.12 python3.11 python3.14}; do
    if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      printf '%s\n' "$name"
      return
    fi
  done
  return 1
}

can_make_venv() { "$1" -c 'import ensurepip, venv' 2>/dev/null; }

make_python() {
  local python made_from
  # A moved or copied checkout has the old path in py3/bin: made new then.
  if is_done venv "$root" && py3/bin/python -c '' 2>/dev/null; then return; fi
  if ! python=$(find_python) || ! can_make_venv "$python"; then
    may_apt || die "Python 3.11 or newer with its venv module is missing. Install python3 and python3-venv (3.11+), or name one: PYTHON=/path/to/python3.12 bash build.sh" \
                   "缺少 Python 3.11 以上版本及其 venv 模块。请安装 python3 与 python3-venv（3.11+），或指定：PYTHON=/路径/python3.12 bash build.sh"
    apt_install python3 python3-venv
    python=$(find_python) || die "This system's python3 is older than 3.11. Install a newer one and name it: PYTHON=/path/to/python3.12 bash build.sh" \
                                 "本系统的 python3 低于 3.11。请安装新版本并指定：PYTHON=/路径/python3.12 bash build.sh"
  fi
  made_from=$("$python" -c 'import sys; print(sys.version.split()[0])')
  say "Python environment py3 (Python $made_from)" "Python 环境 py3（Python $made_from）"
  rm -rf py3
  quietly "making py3" "创建 py3" "$python" -m venv --without-pip py3
  mark_done venv "$root"
}

# The checkout, the three modules' folders and the client that `manage.py replay` sends with, so that
# `import app` works anywhere.
write_import_paths() {
  local file
  file=$(py3/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/pipeline_app.pth
  printf '%s\n' "$root" "${modules[@]/#/$root/}" "$root/clients/python/src" > "$file"
}

# usage: install_locked NAME ENGLISH CHINESE
install_locked() {
  local hash
  hash=$(content_hash "$1.lock")
  if is_done "$1" "$hash"; then return; fi
  say "$2 from $1.lock" "按 $1.lock 安装$3"
  py3/bin/python -c 'import pip' 2>/dev/null ||
    quietly "putting pip into py3" "为 py3 准备 pip" py3/bin/python -m ensurepip
  quietly "installing from $1.lock" "按 $1.lock 安装" \
    py3/bin/python -m pip install -q --disable-pip-version-check --no-deps --require-hashes -r "$1.lock"
  mark_done "$1" "$hash"
}

# Python's own pip and setuptools are old and in no lock: they install, and stay out of what runs.
leave_out_unlocked() {
  local info name version tools=()
  for info in py3/lib/python3*/site-packages/{pip,setuptools,wheel}-*.dist-info; do
    [[ -d $info ]] || continue
    info=${info##*/} name=${info%%-*} version=${info#*-}
    grep -q "^$name==${version%.dist-info} " ./*.lock || tools+=("$name")
  done
  (( ${#tools[@]} == 0 )) || quietly "leaving out ${tools[*]}" "移除 ${tools[*]}" \
    py3/bin/python -m pip uninstall -q -y --disable-pip-version-check "${tools[@]}"
}

has_node() { [[ $(node -p 'Number(process.versions.node.split(".")[0]) >= 20' 2>/dev/null) == true ]] && command -v npm >/dev/null; }

# Makes npm callable: the machine's own, or that of Node's PyPI package.
need_node() {
  if has_node; then return; fi
  install_locked requirements-node "Node" " Node"
  PATH=$root/py3/bin:$PATH
  has_node || die "Node 20 or newer with npm is missing and its PyPI package does not run here. Install nodejs and npm (20+)." \
                  "缺少 Node 20 以上版本及 npm，且其 PyPI 包在本机无法运行。请安装 nodejs 与 npm（20+）。"
}

# The packages that the bundle is made with, or with "dev" also the linters and what the tests need.
# usage: install_frontend_packages [dev]
install_frontend_packages() {
  local hash
  hash=$(content_hash app/frontend/package.json app/frontend/package-lock.json app/frontend/.npmrc)
  if [[ -d app/frontend/node_modules ]]; then
    if is_done frontend_packages "$hash dev"; then return; fi
    if [[ -z ${1:-} ]] && is_done frontend_packages "$hash"; then return; fi
  fi
  need_node
  if [[ -n ${1:-} ]]; then
    say "Front-end libraries and linters (node $(node --version))" "前端库与检查工具（node $(node --version)）"
    quietly "npm ci" "npm ci" npm --prefix app/frontend ci --no-audit --no-fund
    mark_done frontend_packages "$hash dev"
  else
    say "Front-end libraries (node $(node --version))" "前端库（node $(node --version)）"
    quietly "npm ci" "npm ci" npm --prefix app/frontend ci --omit=dev --no-audit --no-fund
    mark_done frontend_packages "$hash"
  fi
}

# The packages that the TypeScript client is made and tested with.
install_client_packages() {
  local hash
  hash=$(content_hash clients/js/package.json clients/js/package-lock.json clients/js/.npmrc)
  if [[ -d clients/js/node_modules ]] && is_done client_packages "$hash"; then return; fi
  need_node
  say "Packages of the TypeScript client" "TypeScript 客户端的依赖包"
  quietly "npm ci" "npm ci" npm --prefix clients/js ci --ignore-scripts --no-audit --no-fund
  mark_done client_packages "$hash"
}

# The TypeScript client, compiled; its tests, and the samples, take it from there.
build_client() {
  local made_from
  made_from=$(content_hash clients/js/src clients/js/package-lock.json clients/js/tsconfig.json)
  if is_done client "$made_from $(names_hash clients/js/dist)"; then return; fi
  quietly "npm run build" "npm run build" npm --prefix clients/js run build
  mark_done client "$made_from $(names_hash clients/js/dist)"
}

build_frontend() {
  local made_from
  # The dictionaries of host and modules go into the bundle.
  made_from=$(content_hash app/frontend/src app/frontend/i18n app/frontend/{build,dictionaries}.mjs app/frontend/package-lock.json \
    app/i18n app/wwwroot/i18n pipeline_*/i18n)
  if is_done frontend "$made_from $(names_hash app/wwwroot/bricks)"; then return; fi
  need_node
  install_frontend_packages
  say "Front-end bundle" "前端打包"
  quietly "npm run build" "npm run build" npm --prefix app/frontend run build
  mark_done frontend "$made_from $(names_hash app/wwwroot/bricks)"
}

# usage: build_module NAME
build_module() {
  local module=$1 made_from
  link_wwwroot "$module"
  made_from=$(content_hash "$module/models" "$module/json" app/build app/schema/tables.py requirements.lock)
  if is_done "$module" "$made_from $(names_hash "$module/wwwroot" "$module/mysql.ddl.sql")"; then return; fi
  say "$module: DDL and pages" "$module：DDL 与页面"
  write_ddl "$module"
  quietly "making the pages of $module" "生成 $module 的页面" py3/bin/python -m app.build.pages "$module"
  mark_done "$module" "$made_from $(names_hash "$module/wwwroot" "$module/mysql.ddl.sql")"
}

# The host's own list pages; its tables are made by `manage.py migrate`.
build_host_pages() {
  local made_from
  made_from=$(content_hash app/models app/json app/build app/schema/tables.py requirements.lock)
  if is_done host_pages "$made_from $(names_hash app/wwwroot/app_audit)"; then return; fi
  say "Pages of the host" "主程序页面"
  quietly "making the pages of the host" "生成主程序页面" py3/bin/python -m app.build.pages app
  mark_done host_pages "$made_from $(names_hash app/wwwroot/app_audit)"
}

write_ddl() {
  ( cd "$1" && "$root/py3/bin/json2ddl" mysql models/ > mysql.ddl.sql.new ) ||
    die "json2ddl failed in $1; see above." "json2ddl 在 $1 中失败，见上。"
  [[ -s $1/mysql.ddl.sql.new ]] || die "json2ddl made no DDL for $1." "json2ddl 没有为 $1 生成 DDL。"
  mv "$1/mysql.ddl.sql.new" "$1/mysql.ddl.sql"
}

link_wwwroot() {
  local link=app/wwwroot/$1 target=../../$1/wwwroot
  [[ -L $link && $(readlink "$link") == "$target" ]] && return
  [[ ! -e $link || -L $link ]] || die "$link must be a link to $target; move what is there." \
                                      "$link 应为指向 $target 的链接；请移走现有内容。"
  mkdir -p app/wwwroot "$1/wwwroot"
  ln -sfn "$target" "$link"
}

# Python itself keeps what it has compiled only where it may write; else every worker and command
# would compile the application anew, which takes a third of its start.
compile_python() {
  local made_from
  made_from="$(content_hash app clients/python "${modules[@]}") $(py3/bin/python -V)"
  if is_done compiled "$made_from"; then return; fi
  say "Python code" "Python 代码"
  quietly "compiling the Python code" "编译 Python 代码" \
    py3/bin/python -m compileall -q -j 0 -x node_modules app clients/python "${modules[@]}"
  mark_done compiled "$made_from"
}

# The version that a running worker tells, without git: its description by git, or the package's.
write_version() {
  local package text=''
  package=$(sed -n 's/^version = "\(.*\)"$/\1/p' pyproject.toml | head -n 1)
  # Not of a repository that this folder merely lies in.
  if [[ -e .git ]]; then text=$(git describe --tags --always --dirty 2>/dev/null) || text=''; fi
  case $text in
    '')                text=$package ;;
    v[0-9]* | [0-9]*.*) ;;
    *)                 text=$package+$text ;;
  esac
  if [[ -f app/VERSION && $(< app/VERSION) == "$text" ]]; then return; fi
  printf '%s\n' "$text" > app/VERSION
}

check_database_server() {
  py3/bin/python -c 'import sys; from app.runtime import embedded_db; sys.exit(not embedded_db.is_wanted())' || return 0
  PATH=$PATH:/usr/sbin:/usr/local/sbin
  if command -v mariadbd >/dev/null && command -v mariadb-install-db >/dev/null; then return; fi
  may_apt || die "The embedded database needs a MariaDB server. Install mariadb-server-core and mariadb-client-core (as root: apt-get install mariadb-server-core mariadb-client-core), or name a database of your own in conf/config.json (databases.pipeline.kwargs.host)." \
                 "内嵌数据库需要 MariaDB 服务程序。请安装 mariadb-server-core 与 mariadb-client-core（以 root 执行 apt-get install mariadb-server-core mariadb-client-core），或在 conf/config.json 的 databases.pipeline.kwargs.host 中填写自己的数据库。"
  say "Embedded database's server program" "内嵌数据库的服务程序"
  apt_install mariadb-server-core mariadb-client-core
}

# What `manage.py backup` dumps with. Nothing else needs it: where it cannot be had, that is only said,
# and not tried again at each start.
check_backup_program() {
  if command -v mariadb-dump >/dev/null || command -v mysqldump >/dev/null; then return; fi
  if may_apt && ! is_done backup_program "$(date +%F)"; then
    mark_done backup_program "$(date +%F)"
    if ( apt_install mariadb-client ); then return; fi
  fi
  say "manage.py backup needs mariadb-dump: install mariadb-client (as root: apt-get install mariadb-client)." \
      "manage.py backup 需要 mariadb-dump：请安装 mariadb-client（以 root 执行 apt-get install mariadb-client）。"
}

main() {
  local dev=0
  case ${1:-} in
    '')        ;;
    --dev)     dev=1 ;;
    -h|--help) usage; return ;;
    *)         usage >&2; exit 2 ;;
  esac
  # Two builds of one checkout would install over each other.
  exec 9>>"$root/.build.lock"
  flock 9
  make_python
  write_import_paths
  install_locked requirements "Packages" "依赖包"
  if (( dev )); then
    install_locked requirements-dev "Test packages" "测试用包"
    install_frontend_packages dev
    install_client_packages
    build_client
  fi
  build_frontend
  leave_out_unlocked
  for module in "${modules[@]}"; do build_module "$module"; done
  build_host_pages
  write_version
  compile_python
  check_database_server
  check_backup_program
  say "Built." "构建完成。"
}

[[ ${BASH_SOURCE[0]} != "$0" ]] || main "$@"
