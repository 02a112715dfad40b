"""Listings of extractions: their query parameters, and the pages that they ask for."""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING, get_args

from chalice.app import Request

from chalicelib.api.cursors import DOCUMENT_ID_PATTERN, read_cursor, write_cursor
from chalicelib.api.http import limit_of, query_value, tenant_of
from chalicelib.contracts.extractions import (
    EXTRACTION_PATTERN,
    ExtractionFacts,
    ExtractionList,
    ExtractionStatus,
)
from chalicelib.contracts.operations import CURSOR, Parameter, limit_parameter
from chalicelib.errors import InvalidInput, Unsupported
from chalicelib.jobs.ulids import ULID_PATTERN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chalicelib.labelling.extraction_library import (
        ExtractionLibrary,
        ExtractionRecords,
        StoredExtraction,
    )

MAX_PAGE = 100
MAX_LOOKED_AT = 1_000
MAX_SORTED = 10_000
"""Extractions of all documents that one request sorts."""
_READ_AT_ONCE = 100
_DOCUMENT = Parameter(
    "document_id",
    "Only extractions of this document.",
    {"type": "string", "pattern": f"^{DOCUMENT_ID_PATTERN}$"},
)
_STATUS = Parameter(
    "status",
    "Only extractions with this status.",
    {"type": "string", "enum": list(get_args(ExtractionStatus))},
)
_JOB = Parameter(
    "job_id",
    "Only extractions of this job.",
    {"type": "string", "pattern": f"^{ULID_PATTERN}$"},
)
NEWEST = "newest"
_ORDER = Parameter(
    "order",
    f"`newest` lists the newest first: of one document, or of a tenant with at most {MAX_SORTED:,}"
    " extractions. `oldest` lists the oldest of each document first, documents by their ids.",
    {"type": "string", "enum": ["oldest", NEWEST], "default": "oldest"},
)
LISTING = (_DOCUMENT, _JOB, _STATUS, _ORDER, limit_parameter(MAX_PAGE), CURSOR)
_LISTED_BY = {"status": get_args(ExtractionStatus), "order": ("oldest", NEWEST)}


def list_page(request: Request, library: ExtractionLibrary) -> ExtractionList:
    """Return one page of the tenant's extractions; raise `InvalidInput`, `Unsupported`."""
    filters = _filters(request)
    limit, cursor = limit_of(request, MAX_PAGE), query_value(request, "cursor")
    after = read_cursor(cursor, filters, EXTRACTION_PATTERN) if cursor is not None else ""
    tenant, document_id = tenant_of(request), filters["document_id"] or ""
    is_newest_first = filters["order"] == NEWEST
    if is_newest_first and not document_id:
        found = _newest(tenant, after, library.records)
    else:
        found = library.records.extractions(
            tenant, document_id, after, newest_first=is_newest_first
        )
    items: list[ExtractionFacts] = []
    for looked_at, stored in enumerate(found):
        if len(items) == limit or looked_at == MAX_LOOKED_AT:
            return ExtractionList(items=tuple(items), next_cursor=write_cursor(after, filters))
        after = stored.facts.extraction_id
        shown = {"job_id": stored.facts.job_id, "status": stored.facts.status}
        if all(filters[name] in {None, value} for name, value in shown.items()):
            items.append(stored.facts)
    return ExtractionList(items=tuple(items), next_cursor=None)


def _newest(tenant: str, after: str, records: ExtractionRecords) -> Iterator[StoredExtraction]:
    """Yield the extractions of all documents, the newest first, from behind the id `after`."""
    ids = [*islice(records.extraction_ids(tenant), MAX_SORTED + 1)]
    if len(ids) > MAX_SORTED:
        raise Unsupported(
            f"The tenant has more than {MAX_SORTED} extractions; those of one document are listed"
            " with the newest first: give a document_id.",
            field="order",
            limit=str(MAX_SORTED),
        )
    ids.sort(key=_by_time, reverse=True)
    behind = [each for each in ids if not after or _by_time(each) < _by_time(after)]
    for first in range(0, len(behind), _READ_AT_ONCE):
        yield from records.extractions_of(tenant, behind[first : first + _READ_AT_ONCE])


def _by_time(extraction_id: str) -> tuple[str, str]:
    """Return what sorts ids by their time, which they end with as a ULID."""
    return extraction_id.rpartition("_")[2], extraction_id


def _filters(request: Request) -> dict[str, str | None]:
    """Return the filters and the order of a listing; raise `InvalidInput`."""
    names = ("document_id", "job_id", "status", "order")
    filters = {name: query_value(request, name) for name in names}
    for name, known in _LISTED_BY.items():
        if filters[name] not in {None, *known}:
            raise InvalidInput(f"{name} is one of {', '.join(known)}.", field=name)
    document_id, job_id = filters["document_id"], filters["job_id"]
    if document_id is not None and not re.fullmatch(DOCUMENT_ID_PATTERN, document_id):
        raise InvalidInput(
            "document_id is that of a document; GET /v1/documents lists them.", field="document_id"
        )
    if job_id is not None and not re.fullmatch(ULID_PATTERN, job_id, re.ASCII):
        raise InvalidInput("job_id is that of a job; GET /v1/jobs lists them.", field="job_id")
    return filters
