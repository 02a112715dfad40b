"""The pages and words of a document's version, as ingest left them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

from chalicelib.contracts.ingest import Page
from chalicelib.contracts.jsonl import read_lines
from chalicelib.contracts.page_words import PageWords
from chalicelib.errors import Conflict, NotFound
from chalicelib.extraction.document import source_document
from chalicelib.retrieval.ids import pages_key, words_key

if TYPE_CHECKING:
    from chalicelib.contracts.documents import Document
    from chalicelib.contracts.functions.extract_fields import ExtractDocumentRequest
    from chalicelib.extraction.document import SourceDocument


class DocumentRecords(Protocol):
    """Looks up documents."""

    def document(self, tenant: str, document_id: str) -> Document | None:
        """Return a document, or None."""


class VersionPages(Protocol):
    """The objects of versions of documents."""

    def stream(self, bucket: str, key: str) -> Iterable[bytes]:
        """Yield the bytes of an object in pieces; raise `NotFound`."""


class ReadVersion(NamedTuple):
    """A document, and the pages and words of its version that answers."""

    document: Document
    source: SourceDocument


@dataclass(frozen=True, slots=True)
class VersionSource:
    """Reads versions of documents."""

    documents: DocumentRecords
    objects: VersionPages

    def read(self, request: ExtractDocumentRequest) -> ReadVersion:
        """Return the pages and words of the version that answers now.

        Raises:
            NotFound: there is no such document.
            Conflict: no version of the document is ready, or another than is wanted.
            Transient, Throttled: a service did not answer; the request may be repeated.
        """
        document = self._document(request)
        return ReadVersion(document, self._source(request, document))

    def _document(self, request: ExtractDocumentRequest) -> Document:
        document = self.documents.document(request.tenant, request.document_id)
        if document is None:
            raise NotFound(
                f"There is no document {request.document_id}: it was removed, or its upload has"
                " not arrived; GET /v1/documents lists those that there are.",
                field="document_id",
            )
        if not document.version:
            raise Conflict(
                f"The document is {document.status}; extract once it is ready.",
                field="document_id",
            )
        if request.version not in {"", document.version}:
            raise Conflict(
                "A newer version of the document is ready, and is extracted from instead.",
                field="document_id",
            )
        return document

    def _source(self, request: ExtractDocumentRequest, document: Document) -> SourceDocument:
        place = (request.tenant, document.document_id, document.version)
        pages = read_lines(
            self.objects.stream(request.bucket, pages_key(*place)), Page, document.pages
        )
        return source_document(
            pages,
            self._words(request, document),
            document_id=document.document_id,
            version=document.version,
            media_type=document.media_type,
            language=document.language,
        )

    def _words(self, request: ExtractDocumentRequest, document: Document) -> list[PageWords] | None:
        """Return the words with their boxes; None of a format that has none."""
        key = words_key(request.tenant, document.document_id, document.version)
        try:
            pieces = self.objects.stream(request.bucket, key)
            return list(read_lines(pieces, PageWords, document.pages))
        except NotFound:
            return None
