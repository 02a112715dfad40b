"""Files: atomic writes, errors of a full disk, locks, and sha256 hashes."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from models.failures import DiskFull

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that readers see all of it or nothing, even after a power failure.

    Raises:
        DiskFull: there was no room. Nothing is left of it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    try:
        with disk_full_as_failure(path, len(content)):
            with part.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def write_json(path: Path, document: Mapping[str, Any]) -> None:
    """Write a document as JSON, atomically."""
    write_atomically(path, f"{json.dumps(document, indent=1)}\n".encode())


@contextmanager
def disk_full_as_failure(path: Path, size: int | None = None) -> Iterator[None]:
    """Raise DiskFull for a full disk, with the needed and the free bytes."""
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        free = shutil.disk_usage(path.parent).free
        needs = f"{size:,} bytes" if size is not None else "what was to be written"
        raise DiskFull(
            f"There is no room for {path}: {needs} did not fit, {free:,} bytes are free "
            f"({error.strerror}). Give the job a larger volume (VolumeSizeInGB), or keep fewer "
            "checkpoints."
        ) from error


@contextmanager
def exclusive_lock(folder: Path) -> Iterator[None]:
    """Hold an exclusive lock of a folder, after waiting for other processes."""
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


CODE = Path(__file__).parent
SHARED = (
    "bases/architectures.py",
    "bases/pipelines.py",
    "bases/folder.py",
    "bases/image_files.py",
    "data",
    "datasets",
    "evaluation",
    "export",
    "failures.py",
    "files.py",
    "jobs",
    "networks",
    "training",
    "training_data/channel.py",
    "training_data/captioned_pictures.py",
    "training_data/class_names.py",
    "training_data/image_questions.py",
    "training_data/labelled_texts.py",
    "training_data/products.py",
    "training_data/row_groups.py",
    "training_data/rows.py",
    "training_data/tagged_texts.py",
    "training_data/text_pairs.py",
)
"""Files and folders of `models` that every recipe is trained, judged and exported by."""


def sha256_of_folder(folder: Path) -> str:
    """Return the sha256 of the paths and contents of all files below a folder."""
    return _combined_sha256(folder, (path for path in folder.rglob("*") if path.is_file()))


def sha256_of_code(recipe: str) -> str:
    """Return the sha256 of the code that trains, judges and exports a recipe."""
    parts = [*(CODE / name for name in SHARED), CODE / "recipes" / recipe]
    return _combined_sha256(CODE, (path for part in parts for path in _modules(part)))


def _modules(part: Path) -> Iterable[Path]:
    return part.rglob("*.py") if part.is_dir() else filter(Path.is_file, [part])


def sha256_of_file(path: Path) -> str:
    """Return the sha256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _combined_sha256(root: Path, files: Iterable[Path]) -> str:
    whole = hashlib.sha256()
    for path in sorted(files):
        whole.update(f"{path.relative_to(root).as_posix()}\0{sha256_of_file(path)}\n".encode())
    return whole.hexdigest()
