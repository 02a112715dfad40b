"""Vectors of texts, kept in a folder that git ignores, so that a text is embedded once."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from chalicelib.inference.embedder import MODEL, Embedder

FOLDER = Path(__file__).resolve().parent.parent.parent / ".headrace" / "benchmarks"
_SAVED_EVERY = 1_000


def embedded(name: str, texts: Sequence[str], embedder: Embedder) -> NDArray[np.float32]:
    """Return one unit vector a text, as (texts, 384): from file `name`, or embedded now."""
    file = FOLDER / f"{name}-{MODEL}.npz"
    known = _read(file)
    keys = [hashlib.sha256(text.encode()).hexdigest() for text in texts]
    missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
    for first in range(0, len(missing), _SAVED_EVERY):
        some = list(missing)[first : first + _SAVED_EVERY]
        vectors = embedder.embed([missing[key] for key in some], truncate=True)
        known |= dict(zip(some, vectors, strict=True))
        _write(file, known)
    return np.stack([known[key] for key in keys])


def _read(file: Path) -> dict[str, NDArray[np.float32]]:
    try:
        with np.load(file) as kept:
            return dict(zip(kept["keys"].tolist(), kept["vectors"], strict=True))
    except (
        FileNotFoundError,
        zipfile.BadZipFile,
    ):  # an earlier run may have been interrupted while writing
        return {}


def _write(file: Path, known: dict[str, NDArray[np.float32]]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    vectors = np.stack(list(known.values()))
    np.savez(file, keys=np.array(list(known)), vectors=vectors)
