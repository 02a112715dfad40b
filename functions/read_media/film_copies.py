"""Copies of the parts of a film, so that what looks at one does not load the whole film."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from chalicelib.errors import InvalidInput, Unsupported
from chalicelib.media.frames import copied_film
from chalicelib.retrieval.ids import film_key

if TYPE_CHECKING:
    from chalicelib.contracts.functions.read_media import ReadMediaRequest
    from chalicelib.contracts.objects import LargeObjects
    from chalicelib.contracts.parts import Part

COPYING_S = 600.0
"""Seconds from the start of a plan, of the 900 of the function, in which parts are copied."""


class CopyDeps(Protocol):
    """Collaborators that copy the parts of a film: a store of objects, and a clock."""

    @property
    def objects(self) -> LargeObjects:
        """Return where parts are kept."""

    @property
    def clock(self) -> Callable[[], float]:
        """Return the clock, in seconds from any start."""


def copied_parts(
    request: ReadMediaRequest, parts: Sequence[Part], path: Path, deps: CopyDeps, until: float
) -> tuple[Part, ...]:
    """Write the frames of each part of a film of several; return the parts, marked as copied.

    A part that cannot be copied, or whose turn comes after the time `until`, is left as it is: it
    is looked at in the whole film.
    """
    return tuple(_copied(request, parts, path, deps, until)) if len(parts) > 1 else tuple(parts)


def _copied(
    request: ReadMediaRequest, parts: Sequence[Part], path: Path, deps: CopyDeps, until: float
) -> Iterator[Part]:
    place = (request.tenant, request.document_id, request.version)
    for part in parts:
        frames = copied_film(path, part.start_ms, part.end_ms)
        copied = deps.clock() < until
        try:
            if copied:
                deps.objects.upload(request.bucket, film_key(*place, part.part), frames, {})
        except (InvalidInput, Unsupported):
            copied = False
        yield part.model_copy(update={"is_copied": copied})
