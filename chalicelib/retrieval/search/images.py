"""Pictures of a collection that names a served model, found by that model's vectors.

A query, text or picture, is embedded by the version that serves now, and only pictures that this
version embedded are looked at: vectors of two versions cannot be compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from chalicelib.contracts.embedding import EmbedTextResult
from chalicelib.contracts.search import PictureScore
from chalicelib.errors import HeadraceError, NotFound
from chalicelib.retrieval.ids import image_index_dimensions, image_index_name
from chalicelib.retrieval.search.filters import exclude_embedder_version, require_embedder_version
from chalicelib.retrieval.search.query import ImageQuery

if TYPE_CHECKING:
    from chalicelib.contracts.collections import Declaration
    from chalicelib.contracts.looking import EmbedImageResult
    from chalicelib.contracts.search import Hit
    from chalicelib.ports import IndexRef, TenantStates
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


class ImageEmbedder(Protocol):
    """Embeds pictures and texts into one space, by models that the stage serves."""

    def embed_text(self, model: str, text: str, correlation_id: str) -> EmbedImageResult:
        """Return the vector of a text by the version of `model` that serves.

        Raises `Conflict` where none serves, `InvalidInput` where the model cannot read the text,
        and `Throttled`, `Transient`, `ModelFailure`.
        """

    def embed_picture(self, model: str, picture: bytes, correlation_id: str) -> EmbedImageResult:
        """Return the vector of a picture; raise as `embed_text` does."""
