"""Put the vector that a served model made of an image into the index of that model."""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib.contracts.indexes import IndexRef, PictureIndexes, TenantState, VectorIndex
from chalicelib.contracts.ingest import Chunk, EmbedRequest
from chalicelib.contracts.objects import ObjectStore
from chalicelib.contracts.vision import PictureVector
from chalicelib.ingest.receipts import billed_put_bytes
from chalicelib.retrieval.ids import image_index_name, picture_key
from chalicelib.retrieval.search.image_vectors import put_creating_index
from functions.embed_chunks.vectors import vector_size, vectors_of


@dataclass(frozen=True, slots=True)
class PicturePut:
    """The vector of an image: the version `embedded_by`, and `size` in bytes as billed."""

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
    """Put the vector of `picture.json`, with the metadata of the image's passage."""
    key = picture_key(request.tenant, request.document_id, request.version)
    picture = PictureVector.model_validate_json(objects.read(request.bucket, key))
    name = image_index_name(request.tenant, picture.model, len(picture.vector))
    index = IndexRef(tenant.live.bucket, name, picture.model)
    (vector,) = vectors_of(request, [chunk], [picture.vector], picture.embedded_by)
    put_creating_index(
        indexes,
        request.tenant,
        tenant,
        index,
        len(picture.vector),
        lambda: vectors.put(index, [vector]),
    )
    return PicturePut(picture.embedded_by, billed_put_bytes([vector_size(vector)]))
