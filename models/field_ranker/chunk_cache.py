"""Documents that were read, kept by a hash of all that they depend on.

A run that was stopped goes on where it ended. What is kept is pickled, for this machine alone.
"""

from __future__ import annotations

import hashlib
import os
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from models.pull.cache import CACHE

Kept = TypeVar("Kept")
FOLDER = CACHE / "field_ranker"
_ROOT = Path(__file__).parents[2]
_SOURCES = (
    *("chalicelib/documents", "chalicelib/extraction", "functions/read_document"),
    *("models/datasets/business_documents", "models/field_ranker"),
)
_SUFFIXES = (".py", ".json", ".jsonl", ".tsv")
_LEARNED = (
    *("field_ranker.json", "field_confidence.json"),
    *("label_vocabulary.json", "label_subwords.json", "text_kinds.json"),
)
"""Weights that are written, and that documents are not read by."""
_LEARNING = ("__main__.py", "calibration.py", "network.py", "row_truth.py")
"""Modules that learn from readings: a change of them leaves these as they are."""


@dataclass(frozen=True, slots=True)
class ChunkCache:
    """Keeps chunks of documents, and what they were read with, in a folder.

    Attributes:
        folder: Where.
        depends: A hash of the code and the words that chunks depend on.
    """

    folder: Path
    depends: str

    @classmethod
    def of_code(cls, folder: Path = FOLDER) -> ChunkCache:
        """Return the cache of what the code as it is has made."""
        digest = hashlib.sha256()
        for source in _SOURCES:
            for path in sorted((_ROOT / source).rglob("*")):
                is_code = path.suffix in _SUFFIXES and path.name not in _LEARNED
                if is_code and not (source == _SOURCES[-1] and path.name in _LEARNING):
                    digest.update(path.read_bytes())
        return cls(folder, digest.hexdigest())

    def kept(self, name: str, make: Callable[[], Kept]) -> Kept:
        """Return a chunk as it was kept, or make it and keep it.

        Args:
            name: of the chunk among those of the same code.
            make: makes the chunk.
        """
        key = hashlib.sha256(f"{self.depends} {name}".encode()).hexdigest()[:32]
        path = self.folder / f"{key}.pickle"
        if path.exists():
            found: Kept = pickle.loads(path.read_bytes())  # noqa: S301 - written by this code
            return found
        chunk = make()
        self.folder.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(f".{os.getpid()}")
        partial.write_bytes(pickle.dumps(chunk))
        partial.replace(path)
        return chunk
