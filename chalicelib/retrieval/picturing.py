"""Pictures among texts: the vector of a picture is the mean of the vectors of what is seen in it.

Each label is put into a sentence, which the tenant's own model of texts embeds; the mean of these
vectors is weighed by how likely the labels are. So one index holds texts and pictures, each finds
the other, and another model of texts needs nothing but the labels. ConSE: Norouzi et al., 2014,
https://arxiv.org/abs/1312.5650
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Protocol

from chalicelib.errors import ModelFailure

if TYPE_CHECKING:
    from chalicelib.contracts.pictures import Label

SAID_FROM = 0.05
"""How likely a label has to be to be named in words, beside the likeliest one: a search by words
knows no doubt."""
_NAME_CHARACTERS = 100


class Carrying(Protocol):
    """A passage: its text, and what is seen in it where it is a picture."""

    @property
    def text(self) -> str:
        """Return the text."""

    @property
    def labels(self) -> Sequence[Label]:
        """Return what is seen, () where it is no picture."""


class Numbers(Protocol):
    """An array of vectors, such as NumPy's."""

    def tolist(self) -> list[list[float]]:
        """Return the vectors as lists."""


class CountingEmbedder(Protocol):
    """Turns texts into unit vectors; one that is too long is an error, never cut."""

    def embed_counted(self, texts: Sequence[str]) -> tuple[Numbers, int]:
        """Return one vector a text, and how many tokens were embedded."""


def text_of(path: str, labels: Sequence[Label]) -> str:
    """Return a picture in words: the name of its file, and what is most likely seen."""
    name = PurePosixPath(path).name[:_NAME_CHARACTERS]
    said = [label.name for label in labels if label.share >= SAID_FROM] or [labels[0].name]
    return f"Picture {name}: {'; '.join(said)}"


def seen_in_words(labels: Sequence[Label]) -> str:
    """Return what is seen in a picture that is no document."""
    return "; ".join(label.name for label in labels)


def prompts(labels: Sequence[Label]) -> list[str]:
    """Return the sentences whose vectors make up a picture's."""
    return [f"a photo of a {label.name}" for label in labels]


def mean(labels: Sequence[Label], vectors: Sequence[Sequence[float]]) -> list[float]:
    """Return the vector of a picture, of length 1, from those of `prompts(labels)`.

    Raises `ModelFailure` where they cancel each other out.
    """
    sums = [
        math.fsum(label.share * value for label, value in zip(labels, values, strict=True))
        for values in zip(*vectors, strict=True)
    ]
    length = math.sqrt(math.fsum(value * value for value in sums))
    if not length:
        raise ModelFailure("What is seen in the picture comes to no vector.")
    return [value / length for value in sums]


def embedded(
    embedder: CountingEmbedder, passages: Sequence[Carrying]
) -> tuple[list[list[float]], int]:
    """Return one unit vector a passage, text or picture, and how many tokens were embedded."""
    texts = [prompts(each.labels) if each.labels else [each.text] for each in passages]
    found, tokens = embedder.embed_counted([text for group in texts for text in group])
    remaining = iter(found.tolist())
    vectors = []
    for passage, group in zip(passages, texts, strict=True):
        own = [next(remaining) for _ in group]
        vectors.append(mean(passage.labels, own) if passage.labels else own[0])
    return vectors, tokens
