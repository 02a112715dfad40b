"""Writes the values of an extraction into the metadata of its document's vectors.

A vector carries all that a search filters by, so its metadata is put anew with the vector as it
is. A document that is removed, or replaced by a newer version, while this goes on would come back
by it: it is looked up afterwards, and its vectors are taken away again.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from chalicelib.contracts.extractions import ExtractionFacts, ExtractionResult
from chalicelib.contracts.functions.extract_fields import IndexFieldsRequest, IndexFieldsResult
from chalicelib.contracts.metadata import USER_PREFIX
from chalicelib.errors import NotFound
from chalicelib.extraction.schema import extraction_schema
from chalicelib.extraction.storage import RESULT, SCHEMA, extraction_prefix
from chalicelib.labelling.search_fields import filters_by, search_fields
from chalicelib.retrieval.ids import vector_key

if TYPE_CHECKING:
    from chalicelib.contracts.collections import Declaration
    from chalicelib.contracts.documents import Document, Version
    from chalicelib.contracts.indexes import IndexRef, TenantState
    from chalicelib.contracts.metadata import Metadata
    from chalicelib.labelling.extraction_library import ExtractionRecords
    from chalicelib.retrieval.search.filters import Declarations

MAX_CHUNKS = 5_000
"""Passages of a document whose vectors are written anew: some seconds of work."""
CHUNKS_A_CALL = 100
"""Vectors that one GetVectors returns."""


class IndexedDocuments(Protocol):
    """Looks up documents, their versions, and the indexes of their tenants."""

    def document(self, tenant: str, document_id: str) -> Document | None:
        """Return a document, or None."""

    def version(self, tenant: str, document_id: str, version: str) -> Version | None:
        """Return a version, or None."""

    def tenant_state(self, tenant: str) -> TenantState | None:
        """Return what is known of `tenant`, or None for an unknown tenant."""


class WholeVectors(Protocol):
    """Vectors with their values and their metadata."""

    def change(self, index: IndexRef, keys: Sequence[str], changed: MetadataChange) -> int:
        """Put those vectors anew whose metadata `changed` changes; return how many."""

    def delete(self, index: IndexRef, keys: Sequence[str]) -> None:
        """Remove vectors; unknown keys are no error."""


class MetadataChange(Protocol):
    """Changes the metadata of a vector."""

    def __call__(self, metadata: dict[str, Any]) -> dict[str, Any]:
        """Return the metadata that a vector is to have instead."""


class StoredFiles(Protocol):
    """Reads the files of extractions."""

    def read(self, bucket: str, key: str) -> bytes:
        """Return an object's bytes; raise `NotFound`."""


@dataclass(frozen=True, slots=True)
class FieldIndex:
    """Keeps the extracted values of documents in the metadata of their vectors."""

    records: ExtractionRecords
    documents: IndexedDocuments
    declarations: Declarations
    objects: StoredFiles
    vectors: WholeVectors

    def index(self, request: IndexFieldsRequest) -> IndexFieldsResult:
        """Write the values of an extraction; return how many vectors changed.

        Nothing is done where the document's collection names another extractor, or none.

        Raises:
            NotFound: there is no such extraction.
            Transient, Throttled: a service did not answer; the request may be repeated.
        """
        stored = self.records.extraction(request.tenant, request.extraction_id)
        if stored is None:
            raise NotFound("The extraction is gone, with its document.", field="extraction_id")
        facts = stored.facts
        declared = self._declared(request.tenant, facts)
        version = self.documents.version(request.tenant, facts.document_id, facts.version)
        state = self.documents.tenant_state(request.tenant)
        if declared is None or version is None or state is None or version.chunks > MAX_CHUNKS:
            return IndexFieldsResult(vectors=0)
        users = self._metadata(request, facts, version.metadata, declared)
        keys = [vector_key(facts.document_id, facts.version, n) for n in range(version.chunks)]

        # Of a packet, each document within it has passages of its own.
        pages = range(facts.first_page, facts.first_page + facts.pages)
        is_whole = facts.first_page == 1 and facts.pages >= version.pages

        def changed(metadata: dict[str, Any]) -> dict[str, Any]:
            if not is_whole and metadata["page"] not in pages:
                return metadata
            others = {
                name: value for name, value in metadata.items() if not name.startswith(USER_PREFIX)
            }
            return others | users

        count = 0
        for index in state.all_indexes:
            for at in range(0, len(keys), CHUNKS_A_CALL):
                count += self.vectors.change(index, keys[at : at + CHUNKS_A_CALL], changed)
        self._take_back(request.tenant, facts, state, keys)
        return IndexFieldsResult(vectors=count)

    def _declared(self, tenant: str, facts: ExtractionFacts) -> Declaration | None:
        """Return the declaration of a collection that names the extraction's extractor."""
        if not facts.extractor:
            return None
        declared = self.declarations.declaration(tenant, facts.collection)
        return declared if filters_by(facts.extractor, declared) else None

    def _metadata(
        self,
        request: IndexFieldsRequest,
        facts: ExtractionFacts,
        given: Metadata,
        declared: Declaration,
    ) -> dict[str, object]:
        prefix = extraction_prefix(request.tenant, facts.version, facts.extraction_id)
        schema = extraction_schema(json.loads(self.objects.read(request.bucket, prefix + SCHEMA)))
        body = self.objects.read(request.bucket, prefix + request.folder + RESULT)
        values = ExtractionResult.model_validate_json(body).values
        added = search_fields(schema.leaves, values, given, declared)
        return {
            USER_PREFIX + name: list(value) if isinstance(value, tuple) else value
            for name, value in (given | added).items()
        }

    def _take_back(
        self, tenant: str, facts: ExtractionFacts, state: TenantState, keys: Sequence[str]
    ) -> None:
        document = self.documents.document(tenant, facts.document_id)
        if document is not None and document.version == facts.version:
            return
        for index in state.all_indexes:
            self.vectors.delete(index, keys)
