"""The listing of what to export, taken when the export began: one JSON line per document."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Protocol

from chalicelib.contracts.base import Contract
from chalicelib.contracts.documents import Document, Version
from chalicelib.retrieval.ids import version_prefix

ENTRIES_A_LISTING = 500
_UNSAFE = re.compile(r'[\x00-\x1f<>:"/\\|?*]')
_MAX_NAME = 120


class ListingEntry(Contract):
    """One document, at the version that is exported.

    A document that never became ready is exported as it was uploaded: `upload_key` and
    `upload_version` then name the object. `reason` is the error of an earlier try.
    """

    document: Document
    version: str
    upload_key: str = ""
    upload_version: str = ""
    reason: str = ""

    @property
    def folder(self) -> str:
        """Return the document's folder in the archive; its id cannot lead out of it."""
        return f"documents/{self.document.document_id}/"

    @property
    def source_name(self) -> str:
        """Return the name of the uploaded file in the archive, safe on every system."""
        last = self.document.path.rsplit("/", 1)[-1]
        safe = _UNSAFE.sub("_", last).strip(" .")[-_MAX_NAME:]
        return f"{self.folder}source/{safe or 'file'}"

    def objects_prefix(self, tenant: str) -> str:
        """Return the prefix of the objects of the version."""
        return version_prefix(tenant, self.document.document_id, self.version)


class ListedRecords(Protocol):
    """Documents and their versions."""

    def documents(self, tenant: str, after: str) -> Iterator[Document]:
        """Yield the tenant's documents by id, those behind the id `after` ("" for all)."""

    def version(self, tenant: str, document_id: str, version: str) -> Version | None:
        """Return a version, or None."""


def listing_entry(tenant: str, document: Document, records: ListedRecords) -> ListingEntry:
    """Return the entry of `document`: the current version, or else the newest upload."""
    if document.version:
        return ListingEntry(document=document, version=document.version)
    version = records.version(tenant, document.document_id, document.latest_version)
    if version is None:
        return ListingEntry(document=document, version="", reason="It was removed meanwhile.")
    return ListingEntry(
        document=document,
        version=version.version,
        upload_key=version.key,
        upload_version=version.object_version_id,
    )
