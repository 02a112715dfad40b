"""Saved extractors by name, or by name and version as `NAME@VERSION`, as what jobs extract by."""

from __future__ import annotations

from typing import Protocol

from chalicelib.contracts.extraction_orders import ExtractionTerms, Extractor, ExtractorVersion
from chalicelib.errors import NotFound


class SavedExtractors(Protocol):
    """Looks up extractors by tenant."""

    def head(self, tenant: str, name: str) -> Extractor | None:
        """Return the newest version of an extractor in short, or None."""

    def version(self, tenant: str, name: str, number: int) -> ExtractorVersion | None:
        """Return one version, or None."""


def saved_version(
    records: SavedExtractors, tenant: str, name: str, number: int | None
) -> ExtractorVersion:
    """Return a version of an extractor, the newest where `number` is None; raise `NotFound`."""
    head = records.head(tenant, name)
    if head is None:
        raise NotFound(
            f"There is no extractor {name}; GET /v1/extractors lists them.", field="extractor"
        )
    found = records.version(tenant, name, number or head.version)
    if found is None:
        raise NotFound(
            f"The extractor {name} has no version {number}; its newest is {head.version}.",
            field="version",
        )
    return found


def referenced_terms(records: SavedExtractors, tenant: str, reference: str) -> ExtractionTerms:
    """Return the terms of `NAME`, by its newest version, or of `NAME@VERSION`; raise `NotFound`."""
    name, _, number = reference.partition("@")
    return version_terms(saved_version(records, tenant, name, int(number) if number else None))


def version_terms(version: ExtractorVersion) -> ExtractionTerms:
    """Return the terms of a version."""
    return ExtractionTerms(
        json_schema=version.json_schema,
        schema_sha256=version.schema_sha256,
        extractor=f"{version.name}@{version.version}",
        model=version.model,
    )
