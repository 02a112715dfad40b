"""Put a new vector of an image into the index of the model that its collection names.

The metadata of the vector is that of the image in the index of texts; the vector is the one that
`embed_image` wrote for the job.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from chalicelib.contracts.indexes import IndexRef, PictureIndexes
from chalicelib.contracts.jobs import ReembedRequest, ReembedResult
from chalicelib.contracts.objects import ObjectStore
from chalicelib.contracts.vision import PictureVector
from chalicelib.errors import Conflict, NotFound
from chalicelib.ingest.receipts import billed_put_bytes
from chalicelib.retrieval.ids import image_index_name, reembedded_key, vector_key
from chalicelib.retrieval.search.image_vectors import put_creating_index
from functions.reembed_passages.core import PassageRecords, VectorCopies, is_live


@dataclass(frozen=True, slots=True)
class Deps:
    """Collaborators of `run`."""

    records: PassageRecords
    objects: ObjectStore
    copies: VectorCopies
    indexes: PictureIndexes
    clock: Callable[[], float]
    memory_gb: float


def run(request: ReembedRequest, deps: Deps) -> ReembedResult:
    """Put the vector into the index of its model, and delete the image's other vectors.

    Those are in the indexes of other models and of versions with other dimensions. A version that
    is no longer current is left out, and the vector of one that was replaced or removed meanwhile
    is deleted again.

    Raises:
        Conflict: the version is current, and the current index has no vector of it.
    """
    began = deps.clock()
    count, billed = _put(request, deps)
    own = (deps.clock() - began) * deps.memory_gb
    return ReembedResult(
        put=count, put_bytes=billed, gb_seconds=own + request.picture_embedding.gb_seconds
    )


def _put(request: ReembedRequest, deps: Deps) -> tuple[int, int]:
    """Return how many vectors were put and stay, and the bytes billed for those that were put."""
    tenant = deps.records.tenant_state(request.tenant)
    if tenant is None:
        return 0, 0
    keys = [vector_key(request.document_id, request.version, 0)]
    if not is_live(request, deps.records):
        _take_back(tenant.pictures, keys, deps)  # an earlier attempt may have put a vector
        return 0, 0
    written = reembedded_key(request.tenant, request.job_id, request.document_id)
    written_vector = PictureVector.model_validate_json(deps.objects.read(request.bucket, written))
    carried: Sequence[Any] = deps.copies.carried(tenant.live, keys)
    if not carried:
        if not is_live(request, deps.records):
            return 0, 0
        raise Conflict(f"{tenant.live.name} has no vector of {request.version}.")
    name = image_index_name(request.tenant, written_vector.model, len(written_vector.vector))
    index = IndexRef(tenant.live.bucket, name, written_vector.model)
    metadata = [item.with_terms("").embedded_by(written_vector.embedded_by) for item in carried]
    sizes: list[int] = []
    put_creating_index(
        deps.indexes,
        request.tenant,
        tenant,
        index,
        len(written_vector.vector),
        lambda: sizes.append(deps.copies.put(index, metadata, [written_vector.vector])),
    )
    billed = billed_put_bytes(sizes)
    if not is_live(request, deps.records):
        _take_back([index], keys, deps)
        return 0, billed
    _take_back([other for other in tenant.pictures if other != index], keys, deps)
    return 1, billed


def _take_back(indexes: Sequence[IndexRef], keys: Sequence[str], deps: Deps) -> None:
    for index in indexes:
        with suppress(NotFound):  # the pointer names an index that was never created
            deps.copies.delete(index, keys)
