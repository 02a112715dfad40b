"""Vectors of texts, kept in a folder that git ignores, so that a text is embedded once."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from chalicelib.inference.embedder import MODEL, Embedder

FOLDER = Path(__file__).resolve().parent.parent.parent / ".headrace" / "benchmarks"
_SAVED_EVERY = 1_000


@dataclass(slots=True)
class VectorFile:
    """The vectors of one file, which is read once; new ones are written as they are made."""

    path: Path
    embedder: Embedder
    known: dict[str, NDArray[np.float32]] = field(default_factory=dict)

    @classmethod
    def open(cls, name: str, embedder: Embedder) -> VectorFile:
        """Return the file `name`, with what earlier runs left in it."""
        path = FOLDER / f"{name}-{MODEL}.npz"
        return cls(path, embedder, _read(path))

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one unit vector a text, as (texts, 384), kept or embedded now."""
        keys = [hashlib.sha256(text.encode()).hexdigest() for text in texts]
        missing = {
            key: text for key, text in zip(keys, texts, strict=True) if key not in self.known
        }
        for first in range(0, len(missing), _SAVED_EVERY):
            some = list(missing)[first : first + _SAVED_EVERY]
            vectors = self.embedder.embed([missing[key] for key in some], truncate=True)
            self.known |= dict(zip(some, vectors, strict=True))
            _write(self.path, self.known)
        return np.stack([self.known[key] for key in keys])


def embedded(name: str, texts: Sequence[str], embedder: Embedder) -> NDArray[np.float32]:
    """Return one unit vector a text, as (texts, 384): from file `name`, or embedded now."""
    return VectorFile.open(name, embedder).embed(texts)


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
