"""Saved extractors: a name, and versions of a schema that stay as they are."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from pydantic import JsonValue

from chalicelib.contracts.extraction_orders import (
    MAX_SCHEMA_BYTES,
    MAX_VERSIONS,
    ExtractionTerms,
    Extractor,
    ExtractorVersion,
)
from chalicelib.errors import Conflict, InvalidInput, NotFound, QuotaExceeded
from chalicelib.extraction.schema import extraction_schema
from chalicelib.labelling.extractor_terms import SavedExtractors, saved_version, version_terms

if TYPE_CHECKING:
    from chalicelib.contracts.extraction_models import ModelTerms


class ExtractorRecords(SavedExtractors, Protocol):
    """Stores extractors by tenant."""

    def heads(self, tenant: str, after: str) -> Iterator[Extractor]:
        """Yield extractors by name, those after the name `after` ("" for all)."""

    def add(self, tenant: str, before: Extractor | None, added: ExtractorVersion) -> bool:
        """Store the next version; return False if the head is not `before` any more."""

    def remove(self, tenant: str, name: str) -> int:
        """Remove an extractor with all its versions; return how many there were."""


@dataclass(frozen=True, slots=True)
class ExtractorLibrary:
    """Saves, shows and removes extractors of all tenants."""

    records: ExtractorRecords
    now: Callable[[], datetime]

    def create(
        self,
        tenant: str,
        name: str,
        source: dict[str, JsonValue],
        description: str,
        model: ModelTerms | None = None,
    ) -> ExtractorVersion:
        """Save a new extractor, which asks a model about open fields if it has one.

        Raises:
            InvalidInput: the schema is none that can be extracted by.
            Conflict: there is an extractor of this name.
        """
        added = self._version(name, source, description, model, None)
        if not self.records.add(tenant, None, added):
            raise Conflict(
                f"There is an extractor {name}; PUT /v1/extractors/{name} adds a version.",
                field="name",
            )
        return added

    def put(
        self,
        tenant: str,
        name: str,
        source: dict[str, JsonValue],
        description: str,
        model: ModelTerms | None = None,
    ) -> ExtractorVersion:
        """Save the next version; the newest one is returned if nothing differs from it.

        Raises:
            InvalidInput: the schema is none that can be extracted by.
            NotFound: there is no extractor of this name.
            Conflict: another version was saved meanwhile.
            QuotaExceeded: it has as many versions as an extractor may have.
        """
        head = self._head(tenant, name)
        added = self._version(name, source, description, model, head)
        known = (head.schema_sha256, head.description, head.model)
        if (added.schema_sha256, description, model) == known:
            return self.version(tenant, name, head.version)
        if head.version >= MAX_VERSIONS:
            raise QuotaExceeded(
                f"An extractor has at most {MAX_VERSIONS} versions; save one of another name.",
                field="name",
                limit=str(MAX_VERSIONS),
            )
        if not self.records.add(tenant, head, added):
            raise Conflict("Another version was saved meanwhile; look at it first.", field="name")
        return added

    def version(self, tenant: str, name: str, number: int | None) -> ExtractorVersion:
        """Return a version, the newest where `number` is None; raise `NotFound`."""
        return saved_version(self.records, tenant, name, number)

    def remove(self, tenant: str, name: str) -> None:
        """Remove an extractor with all its versions; raise `NotFound`.

        What was extracted by it stays, with its schema.
        """
        self._head(tenant, name)
        self.records.remove(tenant, name)

    def terms(self, tenant: str, name: str, number: int | None) -> ExtractionTerms:
        """Return the terms of a version; raise `NotFound`."""
        return version_terms(self.version(tenant, name, number))

    def _head(self, tenant: str, name: str) -> Extractor:
        head = self.records.head(tenant, name)
        if head is None:
            raise NotFound(
                f"There is no extractor {name}; GET /v1/extractors lists them.", field="extractor"
            )
        return head

    def _version(
        self,
        name: str,
        source: dict[str, JsonValue],
        description: str,
        model: ModelTerms | None,
        before: Extractor | None,
    ) -> ExtractorVersion:
        now = self.now()
        return ExtractorVersion(
            name=name,
            version=before.version + 1 if before else 1,
            description=description,
            schema_sha256=inline_terms(source).schema_sha256,
            model=model,
            created_at=before.created_at if before else now,
            updated_at=now,
            json_schema=source,
        )


def inline_terms(source: dict[str, JsonValue]) -> ExtractionTerms:
    """Return the terms of a schema that came with a request.

    Raises:
        InvalidInput: it is too large, or none that can be extracted by.
    """
    size = len(json.dumps(source, ensure_ascii=False).encode())
    if size > MAX_SCHEMA_BYTES:
        raise InvalidInput(
            f"The schema has {size} bytes; it may have {MAX_SCHEMA_BYTES}.",
            field="json_schema",
            limit=str(MAX_SCHEMA_BYTES),
        )
    schema = extraction_schema(source)
    return ExtractionTerms(json_schema=source, schema_sha256=schema.sha256)
