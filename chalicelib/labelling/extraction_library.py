"""Stored extractions of all tenants: shown, listed, and read field by field."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

from pydantic import JsonValue

from chalicelib.contracts.extraction_reviews import ExtractionReview
from chalicelib.contracts.extractions import (
    MAX_SHOWN_FIELDS,
    ExtractedField,
    ExtractionFacts,
    ExtractionResult,
    ExtractionView,
)
from chalicelib.contracts.ingest import Page
from chalicelib.contracts.jsonl import lines_behind, read_lines
from chalicelib.errors import NotFound
from chalicelib.extraction.storage import FIELDS, RESULT, REVIEWED, SCHEMA, extraction_prefix
from chalicelib.retrieval.ids import pages_key


@dataclass(frozen=True, slots=True)
class StoredExtraction:
    """An extraction as it is stored; `revision` counts its changes."""

    facts: ExtractionFacts
    review: ExtractionReview
    revision: int = 1


class ExtractionRecords(Protocol):
    """Stores extractions by tenant."""

    def add(self, tenant: str, facts: ExtractionFacts) -> StoredExtraction:
        """Store a new extraction; one that exists already stays, and is returned.

        Raises:
            NotFound: its document is gone.
        """

    def extraction(self, tenant: str, extraction_id: str) -> StoredExtraction | None:
        """Return an extraction, or None."""

    def extractions(
        self, tenant: str, document_id: str, after: str, *, newest_first: bool = False
    ) -> Iterator[StoredExtraction]:
        """Yield extractions by document and time, those after the id `after` ("" for all).

        With a `document_id` only those of that document. `newest_first` turns the order around.
        """

    def extraction_ids(self, tenant: str) -> Iterator[str]:
        """Yield the ids of the tenant's extractions, by document."""

    def extractions_of(self, tenant: str, ids: Sequence[str]) -> list[StoredExtraction]:
        """Return the extractions that there are of these ids, in their order."""

    def waiting(self, tenant: str, after: str) -> Iterator[tuple[str, str]]:
        """Yield place and id of what waits for a review, the least certain first.

        Those after the place `after` ("" for all).
        """

    def change(self, tenant: str, before: StoredExtraction, after: StoredExtraction) -> bool:
        """Make a change; return False, with nothing written, if it has changed meanwhile."""


class ExtractionObjects(Protocol):
    """The objects of extractions."""

    def read(self, bucket: str, key: str) -> bytes:
        """Return an object's bytes; raise `NotFound`."""

    def stream(self, bucket: str, key: str, start: int = 0) -> Iterator[bytes]:
        """Yield the bytes of an object from `start` on in pieces; raise `NotFound`."""


@dataclass(frozen=True, slots=True)
class ExtractionLibrary:
    """Shows extractions: their records, and the objects in `bucket`."""

    records: ExtractionRecords
    objects: ExtractionObjects
    bucket: str

    def stored(self, tenant: str, extraction_id: str) -> StoredExtraction:
        """Return an extraction; raise `NotFound`."""
        stored = self.records.extraction(tenant, extraction_id)
        if stored is None:
            raise NotFound(
                f"There is no extraction {extraction_id}; it goes with its document.",
                field="extraction_id",
            )
        return stored

    def view(self, tenant: str, stored: StoredExtraction) -> ExtractionView:
        """Return an extraction with its values and its first fields; raise `NotFound`."""
        folder = self.folder(tenant, stored)
        result = ExtractionResult.model_validate_json(
            self.objects.read(self.bucket, folder + RESULT)
        )
        fields = (field for field, _ in self.fields(tenant, stored, 0))
        return ExtractionView(
            **dict(stored.facts),
            values=result.values,
            json_schema=None if stored.facts.extractor else self._schema(tenant, stored.facts),
            shown_fields=tuple(islice(fields, MAX_SHOWN_FIELDS)),
            lists=result.lists,
            rules=result.rules,
        )

    def _schema(self, tenant: str, facts: ExtractionFacts) -> dict[str, JsonValue]:
        key = extraction_prefix(tenant, facts.version, facts.extraction_id) + SCHEMA
        schema: dict[str, JsonValue] = json.loads(self.objects.read(self.bucket, key))
        return schema

    def fields(
        self, tenant: str, stored: StoredExtraction, start: int
    ) -> Iterator[tuple[ExtractedField, int]]:
        """Yield fields, each with the offset at which the next one begins.

        `start` is such an offset, or 0. Raises `NotFound`, and `InvalidInput` for another one.
        """
        if not stored.facts.fields:
            return
        key = self.folder(tenant, stored) + FIELDS
        at = start
        for line in lines_behind(self.objects.stream(self.bucket, key, max(0, start - 1)), start):
            at += len(line) + 1
            yield ExtractedField.model_validate_json(line), at

    def page_lengths(
        self, tenant: str, stored: StoredExtraction, wanted: Collection[int]
    ) -> dict[int, int]:
        """Return how many characters the text of each of the `wanted` pages has.

        Raises:
            NotFound: the version that was read is gone.
        """
        if not wanted:
            return {}
        facts = stored.facts
        key = pages_key(tenant, facts.document_id, facts.version)
        pages = read_lines(self.objects.stream(self.bucket, key), Page, facts.pages)
        return {page.page: len(page.text) for page in pages if page.page in wanted}

    def folder(self, tenant: str, stored: StoredExtraction) -> str:
        """Return the prefix of the files that hold now: those of the review, if there was one."""
        facts = stored.facts
        prefix = extraction_prefix(tenant, facts.version, facts.extraction_id)
        return prefix + REVIEWED if facts.status == "reviewed" else prefix
