# Sourced by build.sh, start.sh, stop.sh and tests/run.sh: telling, failing, and installing.

# usage: say ENGLISH CHINESE
say() {
  case ${LC_ALL:-${LC_MESSAGES:-${LANG:-}}} in
    zh*) printf '%s\n' "$2" ;;
    *)   printf '%s\n' "$1" ;;
  esac
}

# usage: die ENGLISH CHINESE
die() { say "$@" >&2; exit 1; }

# Prints the comment at the head of the script that sources this file.
usage() { sed -n '3,/^[^#]/{/^#/s/^# \{0,1\}//p}' "$0"; }

# Runs a command silently; when it fails, shows its last lines.
# usage: quietly ENGLISH-NAME CHINESE-NAME command [arg...]
quietly() {
  local name=$1 chinese=$2 log status=0
  shift 2
  log=$(mktemp)
  "$@" >"$log" 2>&1 </dev/null || status=$?
  if (( status )); then tail -n 25 "$log" >&2; fi
  rm -f "$log"
  (( status == 0 )) || die "$name failed (exit code $status); its last lines are above." \
                           "$chinese 失败（退出码 $status），最后几行见上。"
}

# True when system packages may be installed: root, apt, and not forbidden by PIPELINE_NO_APT=1.
may_apt() { [[ $(id -u) == 0 && -z ${PIPELINE_NO_APT:-} ]] && command -v apt-get >/dev/null; }

# usage: apt_install package [package...]
apt_install() {
  say "  installing $* with apt-get" "  用 apt-get 安装 $*"
  quietly "apt-get update" "apt-get update" apt-get update -q
  quietly "apt-get install $*" "安装 $*" \
    env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$@"
}

# One hash for the contents and names of all files given or found below the folders given.
# usage: content_hash path [path...]
content_hash() {
  find "$@" -type f -not -path '*/node_modules/*' -not -path '*/__pycache__/*' -print0 2>/dev/null |
    LC_ALL=C sort -z | xargs -0 -r sha256sum | sha256sum | cut -d ' ' -f 1
}

# One hash for the names of what lies below the folders given, missing ones included.
# usage: names_hash path [path...]
names_hash() { find "$@" 2>&1 | LC_ALL=C sort | sha256sum | cut -d ' ' -f 1; }

# Paths in the environment are meant from where the caller stands; the scripts change folders.
absolute_paths() {
  local name
  for name in PIPELINE_VAR PIPELINE_CONF; do
    if [[ -n ${!name:-} && ${!name} != /* ]]; then export "$name=$PWD/${!name}"; fi
  done
}
