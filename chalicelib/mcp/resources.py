"""Resources: documents, their pages, and passages of pages, by URI. Pure.

https://modelcontextprotocol.io/specification/2026-07-28/server/resources
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from pydantic import JsonValue

from chalicelib.mcp.api_calls import ApiCall, ApiCaller, ApiRefusalError
from chalicelib.mcp.jsonrpc import Json

DOCUMENT = "headrace://documents/{document_id}"
PAGE = f"{DOCUMENT}/pages/{{page}}"
PASSAGE = f"{DOCUMENT}/versions/{{version}}/pages/{{page}}/passages/{{start}}-{{end}}"
MAX_LISTED = 50
MAX_PAGES = 10
"""Pages of a document that are read at once; each is a read of an object in S3."""
MAX_CHARACTERS = 100_000
"""Characters of a document or a page that are read at once."""
_ID = r"(?P<document_id>[A-Za-z0-9_-]{1,64})"
_URI = re.compile(
    rf"headrace://documents/{_ID}(?:/versions/(?P<version>[A-Za-z0-9_-]{{1,64}}))?"
    r"(?:/pages/(?P<page>[0-9]{1,9})(?:/passages/(?P<start>[0-9]{1,9})-(?P<end>[0-9]{1,9}))?)?",
    re.ASCII,
)
_PAGE_ROUTE = "/v1/documents/{document_id}/pages/{page}"
_PLAIN = "text/plain"

TEMPLATES: tuple[Json, ...] = (
    {
        "uriTemplate": DOCUMENT,
        "name": "document",
        "title": "Document",
        "description": f"The text of a document, of its first {MAX_PAGES} pages at most.",
        "mimeType": _PLAIN,
    },
    {
        "uriTemplate": PAGE,
        "name": "page",
        "title": "Page",
        "description": f"The text of a page, of its first {MAX_CHARACTERS} characters at most.",
        "mimeType": _PLAIN,
    },
    {
        "uriTemplate": PASSAGE,
        "name": "passage",
        "title": "Passage",
        "description": "Characters of a page of a version, as a citation names them.",
        "mimeType": _PLAIN,
    },
)


class UnknownResourceError(Exception):
    """Raised when a URI names no resource."""


def hit_link(hit: Json) -> Json:
    """Return a content block that links to a passage of a search."""
    return _passage_link(hit, str(hit.get("heading") or ""))


def citation_link(citation: Json) -> Json:
    """Return a content block that links to the passage of a citation."""
    return _passage_link(citation, "")


def _passage_link(passage: Json, heading: str) -> Json:
    uri = PASSAGE.format(
        **{name: passage.get(name) for name in ("document_id", "version", "page", "start", "end")}
    )
    link: Json = {
        "type": "resource_link",
        "uri": uri,
        "name": f"{passage.get('path')}, page {passage.get('page')}",
        "mimeType": _PLAIN,
    }
    return {**link, "description": heading} if heading else link


def list_documents(api: ApiCaller, cursor: str | None) -> Json:
    """Return one page of the tenant's documents as resources; raise `ApiRefusalError`."""
    query = {"status": "ready", "limit": str(MAX_LISTED), **({"cursor": cursor} if cursor else {})}
    body = api.call(ApiCall("GET", "/v1/documents", query=query)).body
    items = body.get("items")
    listed: list[JsonValue] = [
        _document(each)
        for each in (items if isinstance(items, list) else [])
        if isinstance(each, dict)
    ]
    following = body.get("next_cursor")
    return {"resources": listed, **({"nextCursor": following} if following else {})}


def _document(document: Json) -> Json:
    path = str(document.get("path"))
    return {
        "uri": DOCUMENT.format(document_id=document.get("document_id")),
        "name": path.rsplit("/", 1)[-1],
        "title": path,
        "description": f"Document of the collection {document.get('collection')},"
        f" {document.get('pages')} pages.",
        "mimeType": _PLAIN,
        "annotations": {"lastModified": document.get("updated_at")},
        "_meta": {
            "headrace/media_type": document.get("media_type"),
            "headrace/bytes": document.get("bytes"),
        },
    }


def read_resource(api: ApiCaller, uri: str) -> list[Json]:
    """Return the contents of a resource.

    Raises:
        UnknownResourceError: The URI names nothing that there is for this tenant.
        ApiRefusalError: The API refuses for another reason.
    """
    found = _URI.fullmatch(uri)
    if found is None:
        raise UnknownResourceError
    try:
        if found["page"] is None:
            return _read_document(api, found["document_id"], found["version"])
        return [_read_page(api, uri, found.groupdict())]
    except ApiRefusalError as refusal:
        if refusal.is_missing:
            raise UnknownResourceError from refusal
        raise


def _read_page(api: ApiCaller, uri: str, place: Mapping[str, str | None]) -> Json:
    first = int(place["start"] or 0)
    last = min(int(place["end"] or first + MAX_CHARACTERS), first + MAX_CHARACTERS)
    query = {"start": str(first), "end": str(last)}
    if place["version"]:
        query["version"] = place["version"]
    path = {"document_id": str(place["document_id"]), "page": str(place["page"])}
    page = api.call(ApiCall("GET", _PAGE_ROUTE, path, query)).body
    return _contents(uri, page)


def _contents(uri: str, page: Json) -> Json:
    meta: Json = {
        f"headrace/{name}": page.get(name)
        for name in ("path", "version", "page", "pages", "start", "end", "characters")
    }
    return {"uri": uri, "mimeType": _PLAIN, "text": str(page.get("text", "")), "_meta": meta}


def _read_document(api: ApiCaller, document_id: str, version: str | None) -> list[Json]:
    """Return the first pages, each as a resource of its own, up to a limit of characters."""
    read: list[Json] = []
    left, number, pages = MAX_CHARACTERS, 1, 1
    while left > 0 and number <= min(pages, MAX_PAGES):
        query = {"start": "0", "end": str(left), **({"version": version} if version else {})}
        path = {"document_id": document_id, "page": str(number)}
        page = api.call(ApiCall("GET", _PAGE_ROUTE, path, query)).body
        pages = int(str(page.get("pages") or 1))
        contents = _contents(_page_uri(document_id, number, version), page)
        left -= len(str(contents["text"]))
        read.append(contents)
        number += 1
    return read


def _page_uri(document_id: str, page: int, version: str | None) -> str:
    """Return the URI of a page, of the newest version unless one is given."""
    within = f"/versions/{version}" if version else ""
    return f"{DOCUMENT.format(document_id=document_id)}{within}/pages/{page}"
