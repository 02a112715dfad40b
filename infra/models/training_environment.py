"""The training environment, `.venv-training`: a Python of its own that runs modules of `models`."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from models.failures import BadData

PROJECT = Path(__file__).parents[2]
INTERPRETER = PROJECT / ".venv-training" / "bin" / "python"
_SHOWN = 1000


def run_module(
    interpreter: Path, module: str, arguments: Sequence[str], *, timeout_s: float
) -> str:
    """Run a module of `models` to its end and return what it wrote to standard output.

    Raises:
        BadData: there is no such environment, the module failed, with what it said last, or it did
            not end in time.
    """
    if not interpreter.exists():
        raise BadData(f"There is no {interpreter}; `make training` makes it.")
    try:
        done = subprocess.run(  # noqa: S603 - our own module
            [str(interpreter), "-m", module, *arguments],
            cwd=PROJECT,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise BadData(f"{module} did not end in {timeout_s:g} s, and was stopped.") from error
    if done.returncode == 1:  # its own failure, whose last line says why
        raise BadData((done.stderr.strip().splitlines() or [f"{module} failed without a word"])[-1])
    if done.returncode:
        raise BadData(f"{module} ended with {done.returncode}: {done.stderr.strip()[-_SHOWN:]}")
    return done.stdout
