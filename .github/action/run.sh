#!/usr/bin/env bash
# What action.yml runs: install this checkout of llmsecrets, then scan.
set -euo pipefail

work=$RUNNER_TEMP/llmsecrets
python=$(command -v python3 || command -v python) || {
  echo "::error::llmsecrets needs Python 3.10 or later: add actions/setup-python before it"
  exit 2
}
"$python" -m venv "$work/venv"
bin=$work/venv/bin
[ -d "$bin" ] || bin=$work/venv/Scripts # Windows
"$bin/python" -m pip install --quiet --disable-pip-version-check "$GITHUB_ACTION_PATH"
export LLMSECRETS_CACHE_DIR=$work/cache
exec "$bin/python" -I "$GITHUB_ACTION_PATH/.github/action/scan.py"
