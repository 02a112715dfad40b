"""Bytecode for the bundles: the folder that a function runs from is read-only on AWS.

Without it every cold start would compile what it imports. Hashes are unchecked, so that Python
neither reads nor checks the source, and nothing in a file tells when or where it was made.
https://docs.python.org/3/reference/import.html#pyc-invalidation
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from infra.packaging.failures import CannotPackage

_SECONDS = 600


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
    """Compiles for one interpreter, and each source once: many folders have the same packages.

    What was compiled is kept in `kept`, by its place in its folder and its content.
    """

    interpreter: Path
    kept: Path

    def compile_all(self, folder: Path) -> None:
        """Compile every source below `folder`, named as if `folder` were the root.

        Raises:
            CannotPackage: a source does not compile.
        """
        places = {source: self._place(folder, source) for source in sorted(folder.rglob("*.py"))}
        missing = [source for source, place in places.items() if not place.is_dir()]
        if missing:
            _compile(missing, folder, self.interpreter)
        for source, place in places.items():
            beside = source.parent / "__pycache__"
            if place.is_dir():
                shutil.copytree(place, beside, dirs_exist_ok=True)
            else:
                place.mkdir(parents=True)
                for made in beside.glob(f"{source.stem}.*.pyc"):
                    shutil.copy2(made, place)

    def _place(self, folder: Path, source: Path) -> Path:
        digest = hashlib.sha256(f"{source.relative_to(folder)}\0".encode())
        digest.update(source.read_bytes())
        return self.kept / digest.hexdigest()


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
