"""Content blocks of results: texts, pictures, links to resources. Pure.

https://modelcontextprotocol.io/specification/2026-07-28/server/tools#tool-result
"""

from __future__ import annotations

from pydantic import JsonValue

from chalicelib.mcp.jsonrpc import Json

DOCUMENT = "headrace://documents/{document_id}"
PAGE = f"{DOCUMENT}/pages/{{page}}"
PASSAGE = f"{DOCUMENT}/versions/{{version}}/pages/{{page}}/passages/{{start}}-{{end}}"


def text_block(text: str) -> Json:
    """Return a block of text."""
    return {"type": "text", "text": text}


def image_block(data: str, media_type: str) -> Json:
    """Return a block with a picture, in base64."""
    return {"type": "image", "data": data, "mimeType": media_type}


def document_uri(document_id: JsonValue) -> str:
    """Return the URI of a document."""
    return DOCUMENT.format(document_id=document_id)


def page_uri(document_id: str, page: int, version: str | None = None) -> str:
    """Return the URI of a page, of a version if one is named."""
    within = f"/versions/{version}" if version else ""
    return f"{document_uri(document_id)}{within}/pages/{page}"


def hit_link(hit: Json) -> Json:
    """Return a link to a passage that was found."""
    return _passage_link(hit, str(hit.get("heading") or ""))


def citation_link(citation: Json) -> Json:
    """Return a link to a passage that is cited."""
    return _passage_link(citation, "")


def _passage_link(passage: Json, heading: str) -> Json:
    uri = PASSAGE.format(
        **{name: passage.get(name) for name in ("document_id", "version", "page", "start", "end")}
    )
    link: Json = {
        "type": "resource_link",
        "uri": uri,
        "name": f"{passage.get('path')}, page {passage.get('page')}",
        "mimeType": "text/plain",
    }
    return {**link, "description": heading} if heading else link
