"""Labels of what a picture shows, and the media types of pictures."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Annotated, Literal, get_args

from pydantic import BeforeValidator, Field

from chalicelib.contracts.base import Contract

PictureType = Literal[
    "image/png", "image/jpeg", "image/webp", "image/gif", "image/tiff", "image/heic"
]
PICTURE_TYPES: tuple[str, ...] = get_args(PictureType)
"""The media types of documents that are pictures."""
MAX_LABEL_BYTES = 400
"""Of the labels that a vector carries: an index that is older than they are counts them to the 2 KB
of what filters use, of which the user's metadata and ours leave so many.
"""


class Label(Contract):
    """A class of things that a model sees in a picture, and how likely it is, from 0 to 1."""

    name: str = Field(min_length=1)
    share: float = Field(ge=0, le=1)


def dump_labels(labels: Iterable[Label]) -> list[str]:
    """Return labels as an index keeps them, which knows lists of strings only."""
    return [f"{label.share:.4f} {label.name}" for label in labels]


def likeliest_labels(kept: Sequence[str]) -> list[str]:
    """Return the likeliest of written labels, as many as `MAX_LABEL_BYTES` of JSON have room for;
    the first has it always.
    """
    size, count = len("[]"), 0
    for each in kept:
        size += len(json.dumps(each, ensure_ascii=False).encode()) + len(", ")
        if size > MAX_LABEL_BYTES and count:
            break
        count += 1
    return list(kept[:count])


def parse_label(kept: str) -> Label:
    """Return the label that an index kept as `kept`."""
    share, _, name = kept.partition(" ")
    return Label(name=name, share=float(share))


def _parse_labels(value: object) -> object:
    if not isinstance(value, list | tuple):
        return value
    return tuple(parse_label(each) if isinstance(each, str) else each for each in value)


Labels = Annotated[tuple[Label, ...], BeforeValidator(_parse_labels)]
"""Labels, the likeliest first; also parsed from the form that an index stores."""
