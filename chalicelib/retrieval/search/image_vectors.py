"""Vectors of images among those of texts: the mean of the vectors of their labels.

Each label is put into a sentence, which the text model of the tenant embeds; the mean of these
vectors is weighted by the labels' probabilities. So one index has texts and images, a query of
either kind finds both, and a change of the text model needs only the labels again. ConSE: Norouzi
et al., 2014, https://arxiv.org/abs/1312.5650
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Protocol

from chalicelib.errors import ModelFailure, NotFound
from chalicelib.retrieval.text.passage_context import with_context

if TYPE_CHECKING:
    from chalicelib.contracts.indexes import IndexRef, PictureIndexes, TenantState
    from chalicelib.contracts.picture_labels import Label


MIN_NAMED_SHARE = 0.05
"""The lowest probability of a label that the text names, beside the likeliest: in a search by words
every label counts in full."""


_NAME_CHARACTERS = 100


class EmbeddablePassage(Protocol):
    """A passage to embed: its text, and its labels if it is an image."""

    @property
    def text(self) -> str:
        """Return the text."""

    @property
    def labels(self) -> Sequence[Label]:
        """Return the labels of an image, () for a text."""


class VectorArray(Protocol):
    """An array of vectors, such as NumPy's."""

    def tolist(self) -> list[list[float]]:
        """Return the vectors as lists."""


class CountingEmbedder(Protocol):
    """A text embedder that counts tokens; it refuses a text that is too long, never cuts it."""

    @property
    def max_tokens(self) -> int:
        """Return the most tokens of a text."""

    def count_tokens(self, text: str) -> int:
        """Return the number of tokens of a text."""

    def embed_counted(self, texts: Sequence[str]) -> tuple[VectorArray, int]:
        """Return one vector per text, and the number of tokens embedded."""


def describe_image(path: str, labels: Sequence[Label]) -> str:
    """Return the text of an image: the name of its file and its likeliest labels."""
    name = PurePosixPath(path).name[:_NAME_CHARACTERS]
    names = [label.name for label in labels if label.share >= MIN_NAMED_SHARE] or [labels[0].name]
    return f"Picture {name}: {'; '.join(names)}"


def join_labels(labels: Sequence[Label]) -> str:
    """Return the labels of an image as one text."""
    return "; ".join(label.name for label in labels)


def label_prompts(labels: Sequence[Label]) -> list[str]:
    """Return the sentences whose vectors are averaged to the vector of an image."""
    return [f"a photo of a {label.name}" for label in labels]


def image_vector(labels: Sequence[Label], vectors: Sequence[Sequence[float]]) -> list[float]:
    """Return the unit vector of an image from the vectors of `label_prompts(labels)`.

    Raises `ModelFailure` if they cancel each other out.
    """
    sums = [
        math.fsum(label.share * value for label, value in zip(labels, values, strict=True))
        for values in zip(*vectors, strict=True)
    ]
    length = math.sqrt(math.fsum(value * value for value in sums))
    if not length:
        raise ModelFailure("What is seen in the picture comes to no vector.")
    return [value / length for value in sums]


def embed_passages(
    embedder: CountingEmbedder, passages: Sequence[EmbeddablePassage], contexts: Sequence[str]
) -> tuple[list[list[float]], int]:
    """Return one unit vector per passage, text or image, and the tokens embedded.

    `contexts` are the contexts of the passages, which texts are embedded with.
    """
    texts = [
        label_prompts(item.labels)
        if item.labels
        else [with_context(context, item.text, embedder.count_tokens, embedder.max_tokens)]
        for item, context in zip(passages, contexts, strict=True)
    ]
    rows, tokens = embedder.embed_counted([text for group in texts for text in group])
    remaining = iter(rows.tolist())
    vectors = []
    for passage, group in zip(passages, texts, strict=True):
        own = [next(remaining) for _ in group]
        vectors.append(image_vector(passage.labels, own) if passage.labels else own[0])
    return vectors, tokens


def put_creating_index(
    indexes: PictureIndexes,
    tenant: str,
    state: TenantState,
    index: IndexRef,
    dimensions: int,
    put: Callable[[], object],
) -> None:
    """Call `put`, and create its image index if it is missing from the pointer or the store.

    The pointer names an index before the index has a vector, so that a job that removes vectors
    finds it. If a put is interrupted in between, the pointer names an index that does not exist
    yet.
    """
    if index not in state.pictures:
        indexes.open(tenant, index, dimensions)
    try:
        put()
    except NotFound:
        indexes.open(tenant, index, dimensions)
        put()
