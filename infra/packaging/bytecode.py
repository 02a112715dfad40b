"""Bytecode for the bundles, since a function's folder is read-only on AWS.

Without it every cold start would compile what it imports. Hashes are unchecked, so that Python
neither reads nor checks the source, and nothing in a file tells when or where it was made.
https://docs.python.org/3/reference/import.html#pyc-invalidation
"""

from __future__ import annotations

import functools
import hashlib
import json
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from infra.packaging.cache import PackagingCache
from infra.packaging.targets import PackagingError

_PROCESS = Path(__file__).with_name("compiler_process.py")
_SECONDS = 600
_ASK = "import sys; print(sys.implementation.cache_tag, sys.version)"


@functools.cache
def _tag_and_version(interpreter: Path) -> tuple[str, str]:
    """Return the bytecode tag of `interpreter`, and its exact version."""
    process = subprocess.run(  # noqa: S603 - an interpreter that was asked for its version
        [str(interpreter), "-I", "-c", _ASK],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    tag, _, version = process.stdout.strip().partition(" ")
    return tag, version


@dataclass(frozen=True, slots=True)
class Compiler:
    """Compiler of folders for one interpreter, with a cache keyed by the sources."""

    interpreter: Path
    cache: PackagingCache

    def compile_all(self, folders: Iterable[Path]) -> dict[Path, Path]:
        """Return the bytecode of every source below `folders`, by source.

        Bytecode names its source by the path inside the folder.

        Raises:
            PackagingError: A source does not compile.
        """
        sources = {folder: sorted(folder.rglob("*.py")) for folder in folders}
        places = {
            folder: self.cache.use(self._name(folder, files)) for folder, files in sources.items()
        }
        self._fill({place: folder for folder, place in places.items() if not place.is_dir()})
        tag, _ = _tag_and_version(self.interpreter)
        return {
            file: place / file.parent.relative_to(folder) / "__pycache__" / f"{file.stem}.{tag}.pyc"
            for folder, place in places.items()
            for file in sources[folder]
        }

    def _name(self, folder: Path, files: Sequence[Path]) -> str:
        """Return a hash of all sources of a folder and of the compiler."""
        digest = hashlib.sha256(repr(_tag_and_version(self.interpreter)).encode())
        digest.update(_PROCESS.read_bytes())
        for file in files:
            content = hashlib.sha256(file.read_bytes()).hexdigest()
            digest.update(f"{file.relative_to(folder)}\0{content}\n".encode())
        return digest.hexdigest()[:32]

    def _fill(self, places: dict[Path, Path]) -> None:
        """Fill each cache entry atomically with the bytecode of its folder."""
        drafts = {place: place.with_suffix(".draft") for place in places}
        for draft in drafts.values():
            shutil.rmtree(draft, ignore_errors=True)
            draft.mkdir(parents=True)
        if places:
            _compile(self.interpreter, [(places[place], drafts[place]) for place in places])
        for place, draft in drafts.items():
            draft.rename(place)


def place_of(source: str, bytecode: Path) -> str:
    """Return the path in a bundle of the bytecode of a source."""
    folder, slash, _ = source.rpartition("/")
    return f"{folder}{slash}__pycache__/{bytecode.name}"


def _compile(interpreter: Path, folders: Sequence[tuple[Path, Path]]) -> None:
    """Write the bytecode of each pair's first folder into the second.

    Sets of constants are written in the order of their hashes, which must therefore not vary.
    """
    done = subprocess.run(  # noqa: S603 - an interpreter that was asked for its version
        ["/usr/bin/env", "-i", "PYTHONHASHSEED=0", str(interpreter), "-S", "-P", str(_PROCESS)],
        input=json.dumps([[str(sources), str(bytecode)] for sources, bytecode in folders]),
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    if done.returncode:
        raise PackagingError(f"What is to be packaged does not compile: {done.stdout}{done.stderr}")
