"""Fields of promptfoo's configuration: what is read, and what is refused by its name."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from cli.failures import UsageError
from cli.output import Json

ReadText = Callable[[str], str]
"""Returns the text of a file, by its path as the configuration has it."""
FILE = "file://"
HARMLESS = frozenset(("$schema", "outputPath", "sharing", "tags", "metadata", "commandLineOptions"))
"""Keys that change no verdict."""


def require_known(given: Any, known: frozenset[str] | set[str], place: str) -> None:
    """Raise `UsageError` for the first key that has no meaning here."""
    strange = sorted(str(key) for key in mapping_of(given, place) if key not in known)
    if strange:
        raise UsageError(
            f"{place}: {strange[0]} is promptfoo's, and not honoured here; what is: "
            f"{', '.join(sorted(known - HARMLESS))}."
        )


def mapping_of(given: Any, place: str) -> Json:
    """Return a value that has to hold keys; raise `UsageError`."""
    if not isinstance(given, dict):
        raise UsageError(f"{place} holds no keys.")
    return given


def list_of(given: Any, place: str) -> list[Any]:
    """Return a value that has to be a list, or a text that stands for one; raise `UsageError`."""
    if isinstance(given, str):
        return [given]
    if not isinstance(given, list) or (not given and place != "tests"):
        raise UsageError(f"{place}: a list is expected.")
    return given


def free_name(name: str, taken: set[str]) -> str:
    """Return a name that is not taken: itself, or with a number."""
    if name not in taken:
        return name
    return next(each for n in itertools.count(2) if (each := f"{name} {n}") not in taken)
