"""Embed a slice of a version's passages again, from the current index into the next one.

The current index has each passage's text, or the labels of an image, and its metadata, exactly as a
hit shows them. So nothing else is read, however the file was once uploaded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from chalicelib.contracts.indexes import IndexRef, TenantStates
from chalicelib.contracts.jobs import ReembedRequest, ReembedResult
from chalicelib.errors import Conflict
from chalicelib.ingest.receipts import billed_put_bytes
from chalicelib.retrieval.ids import vector_key
from chalicelib.retrieval.search.image_vectors import CountingEmbedder, embed_passages
from chalicelib.retrieval.text.passage_context import passage_context
from chalicelib.retrieval.text.search_terms import passage_terms

if TYPE_CHECKING:
    from chalicelib.contracts.documents import Document
    from chalicelib.contracts.picture_labels import Label


class CarriedPassage(Protocol):
    """The metadata of a vector."""

    @property
    def key(self) -> str:
        """Return the vector's key."""

    @property
    def text(self) -> str:
        """Return the passage of the vector."""

    @property
    def labels(self) -> Sequence[Label]:
        """Return the labels of the image of the vector, () for a text."""

    @property
    def metadata(self) -> Mapping[str, object]:
        """Return the metadata as the index has it."""

    def with_terms(self, terms: str) -> CarriedPassage:
        """Return the same passage with other search terms, without any if `terms` is empty."""


class VectorCopies(Protocol):
    """Vectors with their metadata."""

    def carried(self, index: IndexRef, keys: Sequence[str]) -> Sequence[Any]:
        """Return the metadata of the vectors under `keys` that exist, in order of `keys`."""

    def put(
        self, index: IndexRef, carried: Sequence[Any], vectors: Sequence[Sequence[float]]
    ) -> int:
        """Put vectors, replacing those of the same key; return how many bytes they are."""

    def delete(self, index: IndexRef, keys: Sequence[str]) -> None:
        """Remove vectors; unknown keys are no error."""


class PassageRecords(TenantStates, Protocol):
    """Documents and tenants."""

    def document(self, tenant: str, document_id: str) -> Document | None:
        """Return a document, or None."""


@dataclass(frozen=True, slots=True)
class Deps:
    """Collaborators of `run`; `embedder` returns a model by its name."""

    records: PassageRecords
    copies: VectorCopies
    embedder: Callable[[str], CountingEmbedder]
    clock: Callable[[], float]
    memory_gb: float


def run(request: ReembedRequest, deps: Deps) -> ReembedResult:
    """Put the vectors of the slice into the tenant's next index.

    A version that is no longer current is left out. Vectors of a version that was replaced or
    removed meanwhile are deleted again: the removal may have searched this index before they were
    put.

    Raises:
        Conflict: the version is current, and the current index lacks some of its vectors.
        InvalidInput: a passage has more tokens than the model accepts.
        ModelFailure: the model is missing, or failed.
    """
    began = deps.clock()
    count, billed = _put(request, deps)
    seconds = deps.clock() - began
    return ReembedResult(put=count, put_bytes=billed, gb_seconds=seconds * deps.memory_gb)


def _put(request: ReembedRequest, deps: Deps) -> tuple[int, int]:
    """Return how many vectors were put and stay, and the bytes billed for those that were put."""
    tenant = deps.records.tenant_state(request.tenant)
    if tenant is None or tenant.next is None or not is_live(request, deps.records):
        return 0, 0
    numbers = range(request.first, request.first + request.count)
    keys = [vector_key(request.document_id, request.version, n) for n in numbers]
    carried = deps.copies.carried(tenant.live, keys)
    if len(carried) != len(keys):
        if not is_live(request, deps.records):
            return 0, 0
        raise Conflict(
            f"{tenant.live.name} has {len(carried)} of {len(keys)} vectors of {request.version}."
        )
    vectors, _ = embed_passages(
        deps.embedder(tenant.next.model), carried, [_context(passage) for passage in carried]
    )
    carried = [_for_index(tenant.next, passage) for passage in carried]
    billed = billed_put_bytes([deps.copies.put(tenant.next, carried, vectors)])
    if is_live(request, deps.records):
        return len(keys), billed
    deps.copies.delete(tenant.next, keys)
    return 0, billed


def _context(passage: CarriedPassage) -> str:
    told = passage.metadata
    return passage_context(str(told.get("path", "")), str(told.get("heading", "")))


def _for_index(index: IndexRef, passage: CarriedPassage) -> CarriedPassage:
    """Return the passage with the search terms that `index` compares, made anew."""
    told = passage.metadata
    terms = ""
    if index.has_terms:
        heading, path, language = (
            str(told.get(name, "")) for name in ("heading", "path", "language")
        )
        terms = passage_terms(passage.text, heading, path, language)
    return passage.with_terms(terms)


def is_live(request: ReembedRequest, records: PassageRecords) -> bool:
    """Return whether the version that `request` names answers queries."""
    document = records.document(request.tenant, request.document_id)
    return document is not None and document.version == request.version
