"""What a model was made of, as sha256: its data, and the code that trained it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

CODE = Path(__file__).parents[1]
_OURS = ("common", "datasets", "judging", "networks")


def of_folder(folder: Path) -> str:
    """Return one hash of all files below a folder, by their paths and contents."""
    return _of(folder, (path for path in folder.rglob("*") if path.is_file()))


def of_code(recipe: str) -> str:
    """Return one hash of the code that a recipe is trained, judged and exported by."""
    rooms = [*(CODE / name for name in _OURS), CODE / "recipes" / recipe]
    return _of(CODE, (path for room in rooms for path in room.rglob("*.py")))


def of_file(path: Path) -> str:
    """Return the hash of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _of(root: Path, files: Iterable[Path]) -> str:
    whole = hashlib.sha256()
    for path in sorted(files):
        whole.update(f"{path.relative_to(root).as_posix()}\0{of_file(path)}\n".encode())
    return whole.hexdigest()
