# need WHAT PACKAGE...: installs Debian packages, as root or with sudo; where there is no apt, says what to install and ends.
need() {
  local what=$1
  shift
  local sudo=""
  [ "$(id -u)" = 0 ] || sudo="sudo"
  if ! command -v apt-get >/dev/null || { [ -n "$sudo" ] && ! command -v sudo >/dev/null; }; then
    echo "isotherm: please install $what (on Debian: apt-get install $*), then run this again" >&2
    exit 1
  fi
  echo "Installing $what …"
  if ! $sudo apt-get -qq -o DPkg::Lock::Timeout=120 install -y --no-install-recommends "$@" >/dev/null 2>&1; then
    $sudo apt-get -qq -o DPkg::Lock::Timeout=120 update
    DEBIAN_FRONTEND=noninteractive $sudo apt-get -qq -o DPkg::Lock::Timeout=120 install -y --no-install-recommends "$@" >/dev/null
  fi
}
