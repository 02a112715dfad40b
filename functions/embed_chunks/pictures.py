"""Put the vector that a served model has of a picture into the index of that model's pictures."""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib.contracts.indexes import IndexRef, PictureIndexes, TenantState, VectorIndex
from chalicelib.contracts.ingest import Chunk, EmbedRequest
from chalicelib.contracts.objects import ObjectStore
from chalicelib.contracts.vision import PictureVector
from chalicelib.retrieval.ids import image_index_name, picture_key
from chalicelib.retrieval.search.image_vectors import put_creating_index
from functions.embed_chunks.vectors import billed_size, vectors_of


@dataclass(frozen=True, slots=True)
class PicturePut:
    """The vector of a picture: the version `embedded_by`, and `size` in bytes as billed."""

    embedded_by: str
    size: int


def put_picture(
    request: EmbedRequest,
    chunk: Chunk,
    tenant: TenantState,
    objects: ObjectStore,
    vectors: VectorIndex,
    indexes: PictureIndexes,
) -> PicturePut:
    """Put the vector of `picture.json`, with what the passage of the picture carries."""
    key = picture_key(request.tenant, request.document_id, request.version)
    made = PictureVector.model_validate_json(objects.read(request.bucket, key))
    name = image_index_name(request.tenant, made.model, len(made.vector))
    index = IndexRef(tenant.live.bucket, name, made.model)
    (vector,) = vectors_of(request, [chunk], [made.vector], made.embedded_by)
    put_creating_index(
        indexes,
        request.tenant,
        tenant,
        index,
        len(made.vector),
        lambda: vectors.put(index, [vector]),
    )
    return PicturePut(made.embedded_by, billed_size(vector))
