"""The Python that Lambda runs, as far as this machine has it: bytecode is only good for one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from infra.packaging.failures import CannotPackage
from infra.packaging.targets import PYTHON

VARIABLE = "HEADRACE_PYTHON313"
_ASK = "import sys; print(sys.version_info[0], sys.version_info[1], sys.executable)"


def find_interpreter() -> Path:
    """Return a Python 3.13: the one that the environment names, this one, or one on the path.

    What is on the path may be a script that looks for one, as pyenv's are, and takes thrice as long
    to start: the Python that it ends in is returned.

    Raises:
        CannotPackage: there is none that runs.
    """
    named = os.environ.get(VARIABLE)
    if named:
        found = _executable(named)
        if found is None:
            raise CannotPackage(f"{VARIABLE} is {named}, which is no Python {PYTHON}.")
        return found
    if sys.version_info[:2] == tuple(map(int, PYTHON.split("."))):
        return Path(sys.executable)
    for folder in os.get_exec_path():
        candidate = shutil.which(f"python{PYTHON}", path=folder)
        found = _executable(candidate) if candidate else None
        if found is not None:
            return found
    raise CannotPackage(
        f"Python {PYTHON}, which Lambda runs, is not here: bundles carry bytecode for it. Install "
        f"it (on Debian 13: apt-get install python{PYTHON}), or name one in {VARIABLE}."
    )


def _executable(interpreter: str) -> Path | None:
    """Return the executable that `interpreter` is or starts, or None if its version is another."""
    try:
        asked = subprocess.run(  # noqa: S603 - an interpreter by its path
            [interpreter, "-I", "-c", _ASK],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    except OSError:
        return None
    major, _, rest = asked.stdout.strip().partition(" ")
    minor, _, executable = rest.partition(" ")
    return Path(executable) if f"{major}.{minor}" == PYTHON else None
