"""Listings of extractions: their query parameters, and the pages that they ask for."""

from __future__ import annotations

import re
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
from chalicelib.errors import InvalidInput
from chalicelib.jobs.ulids import ULID_PATTERN

if TYPE_CHECKING:
    from chalicelib.labelling.extraction_library import ExtractionLibrary

MAX_PAGE = 100
MAX_LOOKED_AT = 1_000
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
    "`newest` lists the extractions of one document with the newest first; it takes `document_id`.",
    {"type": "string", "enum": ["oldest", NEWEST], "default": "oldest"},
)
LISTING = (_DOCUMENT, _JOB, _STATUS, _ORDER, limit_parameter(MAX_PAGE), CURSOR)
_LISTED_BY = {"status": get_args(ExtractionStatus), "order": ("oldest", NEWEST)}


def list_page(request: Request, library: ExtractionLibrary) -> ExtractionList:
    """Return one page of the tenant's extractions; raise `InvalidInput`."""
    filters = _filters(request)
    limit, cursor = limit_of(request, MAX_PAGE), query_value(request, "cursor")
    after = read_cursor(cursor, filters, EXTRACTION_PATTERN) if cursor is not None else ""
    found = library.records.extractions(
        tenant_of(request),
        filters["document_id"] or "",
        after,
        newest_first=filters["order"] == NEWEST,
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
    if filters["order"] == NEWEST and document_id is None:
        raise InvalidInput(
            "Extractions are stored by document: order=newest takes a document_id.", field="order"
        )
    return filters
