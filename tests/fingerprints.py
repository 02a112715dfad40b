"""What changes when files of this project do."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Set
from pathlib import Path

from tests.cloud import PROJECT


def fingerprint(interpreter: Path, made_of: Iterable[str], not_made_of: Set[str]) -> str:
    """Return what differs where the interpreter does, or a file of `made_of`: files, or folders
    with all below them but what lies in a folder of `not_made_of`.
    """
    digest = hashlib.sha256(str(interpreter).encode())
    for part in made_of:
        whole = PROJECT / part
        for file in sorted(whole.rglob("*")) if whole.is_dir() else [whole]:
            inside = file.relative_to(PROJECT)
            if file.is_file() and not_made_of.isdisjoint(inside.parts):
                digest.update(f"{inside}\0".encode())
                digest.update(file.read_bytes())
    return digest.hexdigest()[:16]
