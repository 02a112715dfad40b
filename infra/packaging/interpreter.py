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
_ASK = "import sys; print('.'.join(map(str, sys.version_info[:2])))"


def find_interpreter() -> Path:
    """Return a Python 3.13: the one that the environment names, this one, or one on the path.

    Raises:
        CannotPackage: there is none that runs.
    """
    named = os.environ.get(VARIABLE)
    if named:
        if _version(named) != PYTHON:
            raise CannotPackage(f"{VARIABLE} is {named}, which is no Python {PYTHON}.")
        return Path(named)
    if sys.version_info[:2] == tuple(map(int, PYTHON.split("."))):
        return Path(sys.executable)
    for folder in os.get_exec_path():
        candidate = shutil.which(f"python{PYTHON}", path=folder)
        if candidate and _version(candidate) == PYTHON:
            return Path(candidate)
    raise CannotPackage(
        f"Python {PYTHON}, which Lambda runs, is not here: bundles carry bytecode for it. Install "
        f"it (on Debian 13: apt-get install python{PYTHON}), or name one in {VARIABLE}."
    )


def _version(interpreter: str) -> str:
    """Return the version of an interpreter, or what it is instead of one."""
    try:
        asked = subprocess.run(  # noqa: S603 - an interpreter by its path
            [interpreter, "-I", "-c", _ASK],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    except OSError as error:
        return str(error)
    return asked.stdout.strip()
