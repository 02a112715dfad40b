"""Pictures of a collection that names a served model, found by that model's vectors.

A query, text or picture, is embedded by the version that serves now, and only pictures that this
version embedded are looked at: vectors of two versions cannot be compared.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Protocol

from chalicelib.contracts.embedding import EmbedTextResult
from chalicelib.contracts.searching import PictureScore
from chalicelib.errors import HeadraceError, ModelFailure, NotFound
from chalicelib.query_ports import PictureQuery
from chalicelib.retrieval.ids import dimensions_of, picture_index
from chalicelib.retrieval.search.filters import of_other_versions, of_version

if TYPE_CHECKING:
    from chalicelib.contracts.collections import Declaration
    from chalicelib.contracts.pictures import Label
    from chalicelib.contracts.searching import Hit
    from chalicelib.ports import IndexRef, PictureIndexes, TenantState, TenantStates
    from chalicelib.query_ports import IndexFilter, PassageIndex, PictureEmbedder


OTHER_VERSION = (
    "Some pictures of {collection} were embedded by another version of {model} than {version},"
    " which answers now, and were left out; POST /v1/collections/{collection}/pictures embeds them"
    " again."
)
BY_LABELS = (
    "{model} could not look for pictures of {collection}, so they were found by what is seen in"
    " them: {why}"
)


@dataclass(frozen=True, slots=True)
class PictureFinder:
    """Finds pictures by the model that their collection names."""

    embedder: PictureEmbedder
    index: PassageIndex
    tenants: TenantStates

    def embedded(
        self, declared: Declaration, text: str, picture: bytes, correlation_id: str, *, alone: bool
    ) -> tuple[PictureQuery | None, str]:
        """Return the query by the collection's model; or None, and why it could not embed it.

        No search fails with the model: pictures have labels, by which any other collection is
        searched.
        """
        model = declared.picture_model or ""
        try:
            if picture:
                result = self.embedder.embed_picture(model, picture, correlation_id)
            else:
                result = self.embedder.embed_text(model, text, correlation_id)
        except HeadraceError as error:
            told = BY_LABELS.format(model=model, collection=declared.name, why=error.message)
            return None, told
        return PictureQuery(declared.name, model, result, int(bool(picture)), alone), ""

    def find(
        self, query: PictureQuery, tenant: str, count: int, condition: IndexFilter | None
    ) -> tuple[Iterable[Hit], str]:
        """Return at most `count` pictures by the version that embedded the query, the nearest
        first, and what there is to say of pictures that another version embedded.
        """
        (vector,) = query.embedding.vectors
        version = query.embedding.version
        state = self.tenants.tenant_state(tenant)
        name = picture_index(tenant, query.model, len(vector))
        hits: Iterable[Hit] = ()
        left_out = False
        for index in () if state is None else state.pictures:
            if index.name == name:
                hits = self._nearest(index, vector, count, of_version(condition, version))
                others = self._nearest(index, vector, 1, of_other_versions(condition, version))
                left_out = left_out or any(True for _ in others)
            elif index.model == query.model:  # of a version that has other dimensions
                unlike = (1.0, *(0.0 for _ in range(dimensions_of(index.name) - 1)))
                left_out = left_out or any(True for _ in self._nearest(index, unlike, 1, condition))
        told = {"collection": query.collection, "model": query.model, "version": version}
        notice = OTHER_VERSION.format(**told) if left_out else ""
        return (_by_picture(hit, version) for hit in hits), notice

    def _nearest(
        self, index: IndexRef, vector: Sequence[float], count: int, condition: IndexFilter | None
    ) -> Iterator[Hit]:
        try:
            yield from self.index.query(index, vector, "", count=count, condition=condition)
        except NotFound:  # it is named, and not made yet
            return


def as_text(query: PictureQuery) -> EmbedTextResult:
    """Return the embedding as that of a search by it alone; each version is a model of its own."""
    return EmbedTextResult(
        vectors=query.embedding.vectors,
        model=query.embedding.version,
        tokens=query.embedding.tokens,
        seconds=query.embedding.seconds,
    )


def _by_picture(hit: Hit, version: str) -> Hit:
    """Return a hit of an index of pictures, with what its score means."""
    vector = hit.scores.vector
    if vector is None:
        return hit
    told = PictureScore(rank=vector.rank, similarity=vector.similarity, version=version)
    scores = hit.scores.model_copy(update={"vector": None, "picture": told})
    return hit.model_copy(update={"scores": scores})


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


def put_opened(
    indexes: PictureIndexes,
    tenant: str,
    state: TenantState,
    index: IndexRef,
    dimensions: int,
    put: Callable[[], object],
) -> None:
    """Call `put`, and make the index for it if the tenant's pointer names none, or none is there.

    The pointer names an index before it has a vector, so that whoever removes vectors meets it; a
    put that was cut off in between leaves one that is named and not made.
    """
    if index not in state.pictures:
        indexes.open(tenant, index, dimensions)
    try:
        put()
    except NotFound:
        indexes.open(tenant, index, dimensions)
        put()
