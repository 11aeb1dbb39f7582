#!/usr/bin/env bash
# Gradescope runs this once, as root, when it builds the image that every submission is graded in.
#
# With AUTOGRADER_PYTHON, an interpreter that has what the checker needs, nothing is installed.
set -euo pipefail
autograder=${AUTOGRADER:-/autograder}
python=${AUTOGRADER_PYTHON:-}

if [ -z "$python" ]; then
  export DEBIAN_FRONTEND=noninteractive
  base=python3
  apt-get update
  if python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    apt-get install -y python3-venv
  else
    base=python3.11
    apt-get install -y python3.11 python3.11-venv
  fi
  # In /opt, which every user may read, so that the sandbox's own user can run it.
  "$base" -m venv /opt/checker
  python=/opt/checker/bin/python
  "$python" -m pip install "$autograder/source/package"
fi

# For the log of the build: which sandbox there is, and if it is not good enough, what would help.
"$python" -P -m checker doctor || true
