"""Bytecode for the bundles: the folder that a function runs from is read-only on AWS.

Without it every cold start would compile what it imports. Hashes are unchecked, so that Python
neither reads nor checks the source, and nothing in a file tells when or where it was made.
https://docs.python.org/3/reference/import.html#pyc-invalidation
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from infra.packaging.failures import CannotPackage

_SECONDS = 600


@cache
def made_by(interpreter: Path) -> str:
    """Return what the bytecode of `interpreter` depends on: its exact version."""
    asked = subprocess.run(  # noqa: S603 - an interpreter that was asked for its version
        [str(interpreter), "-I", "-c", "import sys; print(sys.version)"],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    return asked.stdout.strip()


@dataclass(frozen=True, slots=True)
class Compiler:
    """Compiles for one interpreter."""

    interpreter: Path

    def compile_all(self, folder: Path) -> None:
        """Compile every source below `folder`, named as if `folder` were the root.

        Raises:
            CannotPackage: a source does not compile.
        """
        sources = sorted(folder.rglob("*.py"))
        if sources:
            _compile(sources, folder, self.interpreter)


def _compile(sources: list[Path], folder: Path, interpreter: Path) -> None:
    """Compile `sources`.

    Sets of constants are written in the order of their hashes, which must therefore not vary.
    """
    command = [str(interpreter), "-S", "-m", "compileall", "-q", "-f", "-j", "1"]
    command += ["--invalidation-mode", "unchecked-hash", "-s", str(folder), "-i", "-"]
    done = subprocess.run(  # noqa: S603 - an interpreter that was asked for its version
        ["/usr/bin/env", "-i", "PYTHONHASHSEED=0", *command],
        input="\n".join(map(str, sources)),
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    if done.returncode:
        raise CannotPackage(f"What is in {folder} does not compile: {done.stdout}{done.stderr}")
