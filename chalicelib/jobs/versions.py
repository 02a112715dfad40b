"""Versions: which one answers, and whose vectors can go."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chalicelib.contracts.documents import Document, Version


def to_clear(document: Document, versions: Iterable[Version], ended: str) -> list[Version]:
    """Return the versions whose vectors nobody needs any more.

    These are the ones that do not answer queries and that nothing works on: settled ones, and
    `ended`, whose execution is over and is about to be settled.
    """
    return [
        version
        for version in versions
        if version.version != document.version
        and version.cleared_at is None
        and (version.settled_at is not None or version.version == ended)
    ]
