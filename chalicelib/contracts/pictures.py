"""What is seen in a picture, and what the media types of pictures are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal, get_args

from pydantic import BeforeValidator, Field

from chalicelib.contracts.base import Contract

PictureType = Literal["image/png", "image/jpeg", "image/webp", "image/gif"]
PICTURE_TYPES: tuple[str, ...] = get_args(PictureType)
"""The media types of documents that are pictures."""


class Label(Contract):
    """A class of things that a model sees in a picture, and how likely it is, from 0 to 1."""

    name: str = Field(min_length=1)
    share: float = Field(ge=0, le=1)


def written(labels: Iterable[Label]) -> list[str]:
    """Return labels as an index keeps them, which knows lists of strings only."""
    return [f"{label.share:.4f} {label.name}" for label in labels]


def read(kept: str) -> Label:
    """Return the label that an index kept as `kept`."""
    share, _, name = kept.partition(" ")
    return Label(name=name, share=float(share))


def _read_all(value: object) -> object:
    if not isinstance(value, list | tuple):
        return value
    return tuple(read(each) if isinstance(each, str) else each for each in value)


Labels = Annotated[tuple[Label, ...], BeforeValidator(_read_all)]
"""What is seen, the likeliest first; read as an index keeps it, too."""
