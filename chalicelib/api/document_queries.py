"""Listings of documents: by id, or those that were changed last first."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Protocol, get_args

from chalice.app import Request

from chalicelib.api.cursors import DOCUMENT_ID_PATTERN, read_cursor, write_cursor
from chalicelib.api.http import limit_of, query_value, tenant_of
from chalicelib.contracts.documents import Document, DocumentChange, DocumentList, DocumentStatus
from chalicelib.contracts.names import COLLECTION_PATTERN
from chalicelib.contracts.operations import CURSOR, Operation, Parameter, limit_parameter
from chalicelib.errors import InvalidInput, Unsupported
from chalicelib.retrieval.ids import check_collection

MAX_PAGE = 100
MAX_LOOKED_AT = 2_000
"""Documents that one request reads by id. A page of a rare status may hold fewer than its limit,
even none, and go on behind its cursor."""
MAX_SORTED = 10_000
"""Documents that one request sorts by when they were changed: 10 MB of records are read for it."""
NEWEST = "newest"
_ORDERS = ("id", NEWEST)
_PLACE = rf"[0-9T:.+-]{{19,40}} {DOCUMENT_ID_PATTERN}"
LISTING = Operation(
    "documents",
    {200: DocumentList},
    query=(
        Parameter(
            "collection",
            "Only documents of this collection.",
            {"type": "string", "pattern": COLLECTION_PATTERN},
        ),
        Parameter(
            "status",
            "Only documents whose newest upload has this status.",
            {"type": "string", "enum": list(get_args(DocumentStatus))},
        ),
        Parameter(
            "order",
            f"`{NEWEST}` lists those that were changed last first, of a tenant that has at most"
            f" {MAX_SORTED:,} documents.",
            {"type": "string", "enum": list(_ORDERS), "default": "id"},
        ),
        limit_parameter(MAX_PAGE),
        CURSOR,
    ),
    errors=(Unsupported,),
)
LanguageNotice = Callable[[str, str], str]
"""Returns for tenant and language a notice if the embedding model covers it badly, or ""."""
Filters = Mapping[str, str | None]


class DocumentListing(Protocol):
    """Lists documents of a tenant."""

    def documents(self, tenant: str, after: str) -> Iterator[Document]:
        """Yield the tenant's documents by id, those behind the id `after` ("" for all)."""

    def document_changes(self, tenant: str) -> Iterator[DocumentChange]:
        """Yield when each of the tenant's documents was changed, by id."""

    def documents_of(self, tenant: str, document_ids: Sequence[str]) -> list[Document]:
        """Return the documents that there are of these ids, in their order."""


def list_page(request: Request, records: DocumentListing, notice: LanguageNotice) -> DocumentList:
    """Return one page of the tenant's documents.

    Raises:
        InvalidInput: a parameter is none that there is.
        Unsupported: the newest are asked for first, of more documents than are sorted.
    """
    tenant, filters, cursor = tenant_of(request), _filters(request), query_value(request, "cursor")
    limit = limit_of(request, MAX_PAGE)
    if query_value(request, "order") == NEWEST:
        filters["order"] = NEWEST
        after = read_cursor(cursor, filters, _PLACE) if cursor is not None else ""
        documents, following = _newest(tenant, filters, after, limit, records)
    else:
        after = read_cursor(cursor, filters) if cursor is not None else ""
        documents, following = _by_id(tenant, filters, after, limit, records)
    notice_of = functools.cache(functools.partial(notice, tenant))
    return DocumentList(
        items=tuple(
            with_notice(each, notice_of(each.language) if each.language else "")
            for each in documents
        ),
        next_cursor=None if following is None else write_cursor(following, filters),
    )


def with_notice(document: Document, notice: str) -> Document:
    """Return `document` with a notice of its language, "" for none.

    It is told when it is shown, by the model that answers then, which may change after an ingest.
    """
    if not notice:
        return document
    return document.model_copy(update={"notices": (*document.notices, notice)})


def _filters(request: Request) -> dict[str, str | None]:
    filters = {name: query_value(request, name) for name in ("collection", "status")}
    if filters["collection"] is not None:
        check_collection(filters["collection"])
    if filters["status"] not in {None, *get_args(DocumentStatus)}:
        raise InvalidInput(
            f"status is one of {', '.join(get_args(DocumentStatus))}.", field="status"
        )
    if query_value(request, "order") not in {None, *_ORDERS}:
        raise InvalidInput(f"order is one of {', '.join(_ORDERS)}.", field="order")
    return filters


def _by_id(
    tenant: str, filters: Filters, after: str, limit: int, records: DocumentListing
) -> tuple[list[Document], str | None]:
    """Return documents by id, and the id after which the list goes on, None at its end."""
    items: list[Document] = []
    for looked_at, document in enumerate(records.documents(tenant, after)):
        if len(items) == limit or looked_at == MAX_LOOKED_AT:
            return items, after
        after = document.document_id
        if _matches(document, filters):
            items.append(document)
    return items, None


def _newest(
    tenant: str, filters: Filters, after: str, limit: int, records: DocumentListing
) -> tuple[list[Document], str | None]:
    """Return documents by when they were changed, and the place after which the list goes on."""
    places: list[tuple[datetime, str]] = []
    for looked_at, each in enumerate(records.document_changes(tenant)):
        if looked_at == MAX_SORTED:
            raise Unsupported(
                f"The tenant has more than {MAX_SORTED} documents; they are listed by id alone.",
                field="order",
                limit=str(MAX_SORTED),
            )
        if _matches(each, filters):
            places.append((each.updated_at, each.document_id))
    if after:
        last = _place(after)
        places = [place for place in places if place < last]
    places.sort(reverse=True)
    shown = places[:limit]
    documents = records.documents_of(tenant, [document_id for _, document_id in shown])
    if len(places) <= limit:
        return documents, None
    time_of_last, last_id = shown[-1]
    return documents, f"{time_of_last.isoformat()} {last_id}"


def _place(text: str) -> tuple[datetime, str]:
    """Return when the last document of a page was changed, and its id; raise `InvalidInput`."""
    time, _, document_id = text.partition(" ")
    try:
        changed_at = datetime.fromisoformat(time)
    except ValueError:
        changed_at = None
    if changed_at is None or changed_at.tzinfo is None:
        raise InvalidInput("The cursor is not one that this API gave out.", field="cursor")
    return changed_at, document_id


def _matches(document: Document | DocumentChange, filters: Filters) -> bool:
    shown = {"collection": document.collection, "status": document.status}
    return all(filters[name] in {None, value} for name, value in shown.items())
