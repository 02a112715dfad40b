"""Screen one image."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from chalicelib.contracts.screening import (
    MAX_PICTURE_BYTES,
    ScreenImageRequest,
    ScreenImageResult,
)
from chalicelib.errors import InvalidInput


class ImageScorer(Protocol):
    """A model that scores images, as `NsfwClassifier` does."""

    def score(self, data: bytes) -> float:
        """Return the probability, 0 to 1, that an image is pornographic."""


@dataclass(frozen=True, slots=True)
class Deps:
    """Collaborators of `run`; `clock` returns seconds from any start."""

    reader: ImageScorer
    model: str
    clock: Callable[[], float]


def run(request: ScreenImageRequest, deps: Deps) -> ScreenImageResult:
    """Return the probability that the image is pornographic.

    Raises:
        InvalidInput: it is no image, or too large.
        ModelFailure: the model is missing or failed.
    """
    began = deps.clock()
    if len(request.data) > MAX_PICTURE_BYTES:
        raise InvalidInput(
            f"The picture has {len(request.data)} bytes; {MAX_PICTURE_BYTES} are looked at.",
            field="data",
            limit=f"{MAX_PICTURE_BYTES} bytes",
        )
    score = deps.reader.score(request.data)
    return ScreenImageResult(
        score=round(score, 4), model=deps.model, seconds=max(0.0, deps.clock() - began)
    )
