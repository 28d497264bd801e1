#!/usr/bin/env bash
# The .venv with Isotherm in it. Installs with apt what a fresh Debian lacks; elsewhere says in one line what to install.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/apt.sh

python=${PYTHON:-python3}
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
  need "Python 3.11 or newer" python3
fi
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
  need "Python's venv module" python3-venv
fi
[ -x .venv/bin/python ] || "$python" -m venv .venv
echo "Installing Isotherm into .venv …"
.venv/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[kafka,postgres]'
# Python keeps what it makes of a module beside it, unless it is told not to: then each start would compile all of them again.
.venv/bin/python -m compileall -q src/isotherm
