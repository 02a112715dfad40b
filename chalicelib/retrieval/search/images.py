"""Search for images of a collection by the vectors of the image model that it names.

The query, a text or an image, is embedded by the version that serves now, and only images that this
version embedded are searched: vectors of two versions cannot be compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from chalicelib.contracts.functions.embed_text import EmbedTextResult
from chalicelib.contracts.search import PictureScore
from chalicelib.errors import HeadraceError, NotFound
from chalicelib.retrieval.ids import image_index_dimensions, image_index_name
from chalicelib.retrieval.search.filters import exclude_embedder_version, require_embedder_version
from chalicelib.retrieval.search.query import ImageQuery

if TYPE_CHECKING:
    from chalicelib.contracts.collections import Declaration
    from chalicelib.contracts.indexes import IndexRef, TenantStates
    from chalicelib.contracts.search import Hit
    from chalicelib.contracts.vision import EmbedImageResult
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
    """Searches images by the image model that their collection names."""

    embedder: ImageEmbedder
    index: PassageIndex
    tenants: TenantStates

    def embed_query(
        self,
        declared: Declaration,
        text: str,
        image: bytes,
        correlation_id: str,
        *,
        images_only: bool,
    ) -> tuple[ImageQuery | None, str]:
        """Return the query embedded by the model of the collection, or None and the reason.

        A search does not fail if the model fails: images have labels, by which they are found then.
        """
        model = declared.picture_model or ""
        try:
            if image:
                result = self.embedder.embed_picture(model, image, correlation_id)
            else:
                result = self.embedder.embed_text(model, text, correlation_id)
        except HeadraceError as error:
            notice = BY_LABELS.format(model=model, collection=declared.name, why=error.message)
            return None, notice
        return ImageQuery(declared.name, model, result, int(bool(image)), images_only), ""

    def search(
        self, query: ImageQuery, tenant: str, count: int, condition: IndexFilter | None
    ) -> tuple[Iterable[Hit], str]:
        """Return at most `count` images, nearest first, and a notice of images left out.

        Images that another version of the model embedded are left out.
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
            elif index.model == query.model:  # the index belongs to a version with other dimensions
                # Any vector will do: the query only asks if the index has an image that matches.
                unlike = (1.0, *(0.0 for _ in range(image_index_dimensions(index.name) - 1)))
                left_out = left_out or any(True for _ in self._nearest(index, unlike, 1, condition))
        names = {"collection": query.collection, "model": query.model, "version": version}
        notice = OTHER_VERSION.format(**names) if left_out else ""
        return (_with_image_score(hit, version) for hit in hits), notice

    def _nearest(
        self, index: IndexRef, vector: Sequence[float], count: int, condition: IndexFilter | None
    ) -> Iterator[Hit]:
        try:
            yield from self.index.query(index, vector, "", count=count, condition=condition)
        except NotFound:  # the pointer names the index before it is created
            return


def as_text_embedding(query: ImageQuery) -> EmbedTextResult:
    """Return the image embedding as a text embedding; each version counts as a model."""
    return EmbedTextResult(
        vectors=query.embedding.vectors,
        model=query.embedding.version,
        tokens=query.embedding.tokens,
        seconds=query.embedding.seconds,
    )


def _with_image_score(hit: Hit, version: str) -> Hit:
    """Return a hit of an image index with its vector score as an image score."""
    vector = hit.scores.vector
    if vector is None:
        return hit
    score = PictureScore(rank=vector.rank, similarity=vector.similarity, version=version)
    scores = hit.scores.model_copy(update={"vector": None, "picture": score})
    return hit.model_copy(update={"scores": scores})


class ImageEmbedder(Protocol):
    """Embeds images and texts into one space, by models that the stage serves."""

    def embed_text(self, model: str, text: str, correlation_id: str) -> EmbedImageResult:
        """Return the vector of a text by the serving version of `model`.

        Raises `Conflict` if none serves, `InvalidInput` if the model cannot read the text, and
        `Throttled`, `Transient`, `ModelFailure`.
        """

    def embed_picture(self, model: str, picture: bytes, correlation_id: str) -> EmbedImageResult:
        """Return the vector of an image; raise as `embed_text` does."""
