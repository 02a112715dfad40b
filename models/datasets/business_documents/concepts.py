"""Concepts that documents show and users ask for, with the kinds of their values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_FILE = Path(__file__).with_name("concepts.json")


@dataclass(frozen=True, slots=True)
class Concept:
    """A concept, the kind of its values, and keys that users give it: of training, and held out."""

    name: str
    kind: str
    keys: tuple[str, ...]
    held_out_keys: tuple[str, ...]


@cache
def concepts() -> Mapping[str, Concept]:
    """Return all concepts by their names."""
    found = json.loads(_FILE.read_text(encoding="utf-8"))
    return {
        name: Concept(name, kind, tuple(keys), tuple(held_out))
        for name, (kind, keys, held_out) in found.items()
    }
