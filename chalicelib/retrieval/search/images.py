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
from chalicelib.contracts.search import PictureScore
from chalicelib.errors import HeadraceError, ModelFailure, NotFound
from chalicelib.retrieval.ids import image_index_dimensions, image_index_name
from chalicelib.retrieval.search.filters import exclude_embedder_version, require_embedder_version
from chalicelib.retrieval.search.query import ImageQuery

if TYPE_CHECKING:
    from chalicelib.contracts.collections import Declaration
    from chalicelib.contracts.looking import EmbedImageResult
    from chalicelib.contracts.pictures import Label
    from chalicelib.contracts.search import Hit
    from chalicelib.ports import IndexRef, PictureIndexes, TenantState, TenantStates
    from chalicelib.retrieval.search.filters import IndexFilter
    from chalicelib.retrieval.search.query import PassageIndex


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
class ImageSearcher:
    """Finds pictures by the model that their collection names."""

    embedder: ImageEmbedder
    index: PassageIndex
    tenants: TenantStates

    def embedded(
        self, declared: Declaration, text: str, picture: bytes, correlation_id: str, *, alone: bool
    ) -> tuple[ImageQuery | None, str]:
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
        return ImageQuery(declared.name, model, result, int(bool(picture)), alone), ""

    def find(
        self, query: ImageQuery, tenant: str, count: int, condition: IndexFilter | None
    ) -> tuple[Iterable[Hit], str]:
        """Return at most `count` pictures by the version that embedded the query, the nearest
        first, and what there is to say of pictures that another version embedded.
        """
        (vector,) = query.embedding.vectors
        version = query.embedding.version
        state = self.tenants.tenant_state(tenant)
        name = image_index_name(tenant, query.model, len(vector))
        hits: Iterable[Hit] = ()
        left_out = False
        for index in () if state is None else state.pictures:
            if index.name == name:
                hits = self._nearest(
                    index, vector, count, require_embedder_version(condition, version)
                )
                others = self._nearest(
                    index, vector, 1, exclude_embedder_version(condition, version)
                )
                left_out = left_out or any(True for _ in others)
            elif index.model == query.model:  # of a version that has other dimensions
                unlike = (1.0, *(0.0 for _ in range(image_index_dimensions(index.name) - 1)))
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


def as_text_embedding(query: ImageQuery) -> EmbedTextResult:
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


MIN_NAMED_SHARE = 0.05
"""How likely a label has to be to be named in words, beside the likeliest one: a search by words
knows no doubt."""


_NAME_CHARACTERS = 100


class EmbeddablePassage(Protocol):
    """A passage: its text, and what is seen in it where it is a picture."""

    @property
    def text(self) -> str:
        """Return the text."""

    @property
    def labels(self) -> Sequence[Label]:
        """Return what is seen, () where it is no picture."""


class VectorArray(Protocol):
    """An array of vectors, such as NumPy's."""

    def tolist(self) -> list[list[float]]:
        """Return the vectors as lists."""


class CountingEmbedder(Protocol):
    """Turns texts into unit vectors; one that is too long is an error, never cut."""

    def embed_counted(self, texts: Sequence[str]) -> tuple[VectorArray, int]:
        """Return one vector a text, and how many tokens were embedded."""


def describe_image(path: str, labels: Sequence[Label]) -> str:
    """Return a picture in words: the name of its file, and what is most likely seen."""
    name = PurePosixPath(path).name[:_NAME_CHARACTERS]
    said = [label.name for label in labels if label.share >= MIN_NAMED_SHARE] or [labels[0].name]
    return f"Picture {name}: {'; '.join(said)}"


def join_labels(labels: Sequence[Label]) -> str:
    """Return what is seen in a picture that is no document."""
    return "; ".join(label.name for label in labels)


def label_prompts(labels: Sequence[Label]) -> list[str]:
    """Return the sentences whose vectors make up a picture's."""
    return [f"a photo of a {label.name}" for label in labels]


def image_vector(labels: Sequence[Label], vectors: Sequence[Sequence[float]]) -> list[float]:
    """Return the vector of a picture, of length 1, from those of `label_prompts(labels)`.

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


def embed_passages(
    embedder: CountingEmbedder, passages: Sequence[EmbeddablePassage]
) -> tuple[list[list[float]], int]:
    """Return one unit vector a passage, text or picture, and how many tokens were embedded."""
    texts = [label_prompts(each.labels) if each.labels else [each.text] for each in passages]
    found, tokens = embedder.embed_counted([text for group in texts for text in group])
    remaining = iter(found.tolist())
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


class ImageEmbedder(Protocol):
    """Embeds pictures and texts into one space, by models that the stage serves."""

    def embed_text(self, model: str, text: str, correlation_id: str) -> EmbedImageResult:
        """Return the vector of a text by the version of `model` that serves.

        Raises `Conflict` where none serves, `InvalidInput` where the model cannot read the text,
        and `Throttled`, `Transient`, `ModelFailure`.
        """

    def embed_picture(self, model: str, picture: bytes, correlation_id: str) -> EmbedImageResult:
        """Return the vector of a picture; raise as `embed_text` does."""
