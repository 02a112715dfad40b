"""Resources by URI: documents and their pages and passages, extractions, prompts. Pure.

https://modelcontextprotocol.io/specification/2026-07-28/server/resources
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from chalicelib.contracts.page_times import clock_time
from chalicelib.mcp.api_calls import ApiCall, ApiCaller, ApiRefusalError
from chalicelib.mcp.jsonrpc import Json, object_of, objects_of

DOCUMENT = "headrace://documents/{document_id}"
PAGE = f"{DOCUMENT}/pages/{{page}}"
VERSION_PAGE = f"{DOCUMENT}/versions/{{version}}/pages/{{page}}"
PASSAGE = f"{VERSION_PAGE}/passages/{{start}}-{{end}}"
OUTLINE = f"{DOCUMENT}/outline"
EXTRACTION = "headrace://extractions/{extraction_id}"
COLLECTION = "headrace://collections/{collection}"
PROMPT = "headrace://prompts/{prompt}/versions/{version}"
MAX_LISTED = 50
MAX_PAGES = 10
"""Pages of a document that are read at once; each is a read of an object in S3."""
MAX_CHARACTERS = 100_000
"""Characters of a document or a page that are read at once."""
_NUMBER, _NAME = r"[0-9]{1,9}", r"[A-Za-z0-9_-]{1,64}"
_NUMBERS = frozenset({"page", "start", "end"})
_VARIABLE = re.compile(r"\{(\w+)\}")
_PAGE_ROUTE = "/v1/documents/{document_id}/pages/{page}"
_RECORDINGS = ("audio/", "video/")
_PLAIN, _JSON = "text/plain", "application/json"


@dataclass(frozen=True, slots=True)
class ResourceTemplate:
    """A template of URIs, and the route whose body its resources are; "" has pages of text."""

    uri: str
    name: str
    title: str
    description: str
    route: str = ""

    @property
    def variables(self) -> tuple[str, ...]:
        """The variables of the URI, in order."""
        return tuple(_VARIABLE.findall(self.uri))

    def match(self, uri: str) -> dict[str, str] | None:
        """Return the values of the variables in `uri`, None if it is none of this template."""
        pattern = _VARIABLE.sub(
            lambda found: f"(?P<{found[1]}>{_NUMBER if found[1] in _NUMBERS else _NAME})",
            self.uri,
        )
        found = re.fullmatch(pattern, uri, re.ASCII)
        return None if found is None else found.groupdict()

    @property
    def listed(self) -> Json:
        """The item of `resources/templates/list`."""
        return {
            "uriTemplate": self.uri,
            "name": self.name,
            "title": self.title,
            "description": self.description,
            "mimeType": _JSON if self.route else _PLAIN,
        }


_TEMPLATES = (
    ResourceTemplate(
        DOCUMENT,
        "document",
        "Document",
        f"The text of a document, of its first {MAX_PAGES} pages at most.",
    ),
    ResourceTemplate(
        PAGE,
        "page",
        "Page",
        f"The text of a page, of its first {MAX_CHARACTERS} characters at most.",
    ),
    ResourceTemplate(VERSION_PAGE, "version_page", "Page of a version", "The same of a version."),
    ResourceTemplate(
        PASSAGE,
        "passage",
        "Passage",
        "Characters of a page of a version, as a citation names them.",
    ),
    ResourceTemplate(
        OUTLINE,
        "outline",
        "Chapters of a recording",
        "Chapters with their times, and the sentences that sum up each.",
        "/v1/documents/{document_id}/outline",
    ),
    ResourceTemplate(
        EXTRACTION,
        "extraction",
        "Extraction",
        "Values that were read from a document, with their evidence.",
        "/v1/extractions/{extraction_id}",
    ),
    ResourceTemplate(
        COLLECTION,
        "collection",
        "Collection",
        "What a collection declares, and how much is in it.",
        "/v1/collections/{name}",
    ),
    ResourceTemplate(
        PROMPT,
        "prompt_version",
        "Version of a prompt",
        "What a version of a saved prompt says; a number, a label, or latest.",
        "/v1/prompts/{prompt}/versions/{version}",
    ),
)
VARIABLES: Mapping[str, tuple[str, ...]] = {each.uri: each.variables for each in _TEMPLATES}
"""The variables of each template, by its URI."""
TEMPLATES: tuple[Json, ...] = tuple(each.listed for each in _TEMPLATES)
"""The items of `resources/templates/list`."""


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
    told = " · ".join(filter(None, (heading, _clock(passage))))
    return {**link, "description": told} if told else link


def _clock(passage: Json) -> str:
    """Return when a recording says a passage, as `00:12:31 to 00:12:44`, "" for no recording."""
    times = (passage.get("start_ms"), passage.get("end_ms"))
    told = [clock_time(each) for each in times if isinstance(each, int)]
    return " to ".join(told) if len(told) == len(times) else ""


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
    for template in _TEMPLATES:
        place = template.match(uri)
        if place is not None:
            return _read(api, uri, template, place)
    raise UnknownResourceError


def _read(
    api: ApiCaller, uri: str, template: ResourceTemplate, place: Mapping[str, str]
) -> list[Json]:
    try:
        if template.route:
            return [_read_json(api, uri, template.route, place)]
        if "page" in place:
            return [_read_page(api, uri, place)]
        return _read_document(api, place["document_id"])
    except ApiRefusalError as refusal:
        if refusal.is_missing:
            raise UnknownResourceError from refusal
        raise


def _read_json(api: ApiCaller, uri: str, route: str, place: Mapping[str, str]) -> Json:
    """Return the body of a route as JSON, less its receipt."""
    path = dict(zip(_VARIABLE.findall(route), place.values(), strict=True))
    body = api.call(ApiCall("GET", route, path)).body
    shown = {name: value for name, value in body.items() if name != "receipt"}
    return {"uri": uri, "mimeType": _JSON, "text": json.dumps(shown, ensure_ascii=False)}


def _read_page(api: ApiCaller, uri: str, place: Mapping[str, str]) -> Json:
    first = int(place.get("start", 0))
    last = min(int(place.get("end", first + MAX_CHARACTERS)), first + MAX_CHARACTERS)
    query = {"start": str(first), "end": str(last)}
    if "version" in place:
        query["version"] = place["version"]
    path = {"document_id": place["document_id"], "page": place["page"]}
    return _page_contents(api, uri, path, query)


def _page_contents(
    api: ApiCaller, uri: str, path: Mapping[str, str], query: Mapping[str, str]
) -> Json:
    """Return a range of a page, of a recording with when it is said or shown."""
    page = api.call(ApiCall("GET", _PAGE_ROUTE, path, query)).body
    meta: Json = {
        f"headrace/{name}": page.get(name)
        for name in ("path", "version", "page", "pages", "start", "end", "characters")
    }
    if str(page.get("media_type")).startswith(_RECORDINGS):
        words = api.call(ApiCall("GET", _PAGE_ROUTE, path, {**query, "words": "true"})).body
        meta |= _times(object_of(words.get("timing")))
    return {"uri": uri, "mimeType": _PLAIN, "text": str(page.get("text", "")), "_meta": meta}


def _times(timing: Json) -> Json:
    """Return from when to when the words of a range are said or shown, in milliseconds."""
    spans = [*objects_of(timing.get("words")), *objects_of(timing.get("shown"))] or [timing]
    firsts = [each["start_ms"] for each in spans if isinstance(each.get("start_ms"), int)]
    lasts = [each["end_ms"] for each in spans if isinstance(each.get("end_ms"), int)]
    if not firsts or not lasts:
        return {}
    return {"headrace/start_ms": min(firsts, key=_whole), "headrace/end_ms": max(lasts, key=_whole)}


def _whole(value: JsonValue) -> int:
    return value if isinstance(value, int) else 0


def _read_document(api: ApiCaller, document_id: str) -> list[Json]:
    """Return the first pages, each as a resource of its own, up to a limit of characters."""
    read: list[Json] = []
    left, number, pages = MAX_CHARACTERS, 1, 1
    while left > 0 and number <= min(pages, MAX_PAGES):
        path = {"document_id": document_id, "page": str(number)}
        contents = _page_contents(api, PAGE.format(**path), path, {"start": "0", "end": str(left)})
        pages = int(str(object_of(contents["_meta"]).get("headrace/pages") or 1))
        left -= len(str(contents["text"]))
        read.append(contents)
        number += 1
    return read
