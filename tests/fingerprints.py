"""What changes when files of this project do."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Set
from pathlib import Path

from tests.cloud import PROJECT


def fingerprint(maker: str, files: Iterable[Path], project: Path = PROJECT) -> str:
    """Return 16 digits that differ where the maker, a file of `project` or its path does.

    `maker` says by what something is made of the files: an interpreter, and what else matters.
    """
    digest = hashlib.sha256(maker.encode())
    for file in sorted(files):
        digest.update(f"{file.relative_to(project)}\0".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def files_of(parts: Iterable[str], left_out: Set[str]) -> Iterator[Path]:
    """Yield the files of the project that `parts` name, and all below the folders that they name.

    What lies in a folder called as one of `left_out` is none of them.
    """
    for part in parts:
        whole = PROJECT / part
        for file in whole.rglob("*") if whole.is_dir() else [whole]:
            if file.is_file() and left_out.isdisjoint(file.relative_to(PROJECT).parts):
                yield file
