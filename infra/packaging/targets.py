"""Build targets: architectures by their names in AWS, wheels and ELF."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


class PackagingError(Exception):
    """Raised when a package cannot be made or used; the message names cause and fix."""


PYTHON = "3.13"
"""The runtime of the template, which wheels and bytecode are made for."""

_STAGE = re.compile(r"[a-z][a-z0-9]{1,11}")


@dataclass(frozen=True, slots=True)
class BuildTarget:
    """One architecture. `machine` is `e_machine` of an ELF header, see elf(5)."""

    architecture: str
    wheels: str
    machine: int


TARGETS: Mapping[str, BuildTarget] = {
    "arm64": BuildTarget("arm64", "aarch64-manylinux_2_28", 183),
    "x86_64": BuildTarget("x86_64", "x86_64-manylinux_2_28", 62),
}
"""By AWS's name. Lambda's Python 3.13 runs on Amazon Linux 2023, whose glibc is 2.34.

https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html
"""


def find_target(architecture: str) -> BuildTarget:
    """Return the target of that name, or raise `PackagingError`."""
    target = TARGETS.get(architecture)
    if target is None:
        raise PackagingError(
            f"The architecture {architecture!r} is unknown; Lambda has {' and '.join(TARGETS)}."
        )
    return target


def native_architecture() -> str:
    """Return AWS's name of this machine's architecture, or the machine's own if AWS has none."""
    return {"aarch64": "arm64", "AMD64": "x86_64"}.get(platform.machine(), platform.machine())


def require_stage_name(stage: str) -> None:
    """Raise `PackagingError` if a stage cannot have this name, by the template's own rule."""
    if not _STAGE.fullmatch(stage):
        raise PackagingError(
            f"{stage!r} is no stage; one is 2 to 12 lower-case letters and digits, the first a "
            "letter, such as dev or prod."
        )


VARIABLE = "HEADRACE_PYTHON313"


_VERSION_SCRIPT = "import sys; print(sys.version_info[0], sys.version_info[1], sys.executable)"


def find_interpreter() -> Path:
    """Return a Python 3.13: the environment's choice, this one, or one on the path.

    The one on the path may be a script that searches for it, as pyenv's are, and takes thrice as
    long to start: the Python that it starts in the end is returned.

    Raises:
        PackagingError: there is none that runs.
    """
    named = os.environ.get(VARIABLE)
    if named:
        executable = _executable(named)
        if executable is None:
            raise PackagingError(f"{VARIABLE} is {named}, which is no Python {PYTHON}.")
        return executable
    if sys.version_info[:2] == tuple(map(int, PYTHON.split("."))):
        return Path(sys.executable)
    for folder in os.get_exec_path():
        candidate = shutil.which(f"python{PYTHON}", path=folder)
        executable = _executable(candidate) if candidate else None
        if executable is not None:
            return executable
    raise PackagingError(
        f"Python {PYTHON}, which Lambda runs, is not here: bundles carry bytecode for it. Install "
        f"it (on Debian 13: apt-get install python{PYTHON}), or name one in {VARIABLE}."
    )


def _executable(interpreter: str) -> Path | None:
    """Return the executable that `interpreter` starts, or None if its version differs."""
    try:
        process = subprocess.run(  # noqa: S603 - an interpreter by its path
            [interpreter, "-I", "-c", _VERSION_SCRIPT],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    except OSError:
        return None
    major, _, rest = process.stdout.strip().partition(" ")
    minor, _, executable = rest.partition(" ")
    return Path(executable) if f"{major}.{minor}" == PYTHON else None
