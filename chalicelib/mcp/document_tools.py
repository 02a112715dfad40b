"""Tools that find and read documents, answer from them, and rate answers."""

from __future__ import annotations

from chalicelib.mcp.api_calls import ApiCaller
from chalicelib.mcp.jsonrpc import object_of, objects_of
from chalicelib.mcp.resources import citation_link, hit_link
from chalicelib.mcp.tool import (
    PAGING,
    Arguments,
    McpTool,
    ToolArgument,
    ToolOutput,
    ToolRoute,
    call_first_route,
    invalid_argument,
    route_call,
    text_block,
    whole_output,
)

MAX_PAGE_CHARACTERS = 50_000
"""Characters of a page that a call returns; the rest is asked for by `start`."""
MAX_LINKS = 10
DOCUMENT_ID = ToolArgument("document_id", "The document's id.", required=True)
_COLLECTION = "Only documents of this collection. Left out, all of the tenant's."
_FILTER = (
    "Only documents that fit all of it: a path or folder, a language, a media_type, when they were"
    " uploaded, metadata such as {year: {gte: 2020}}; any and all hold further filters."
)


def search(tool: McpTool, arguments: Arguments, api: ApiCaller, idempotency_key: str) -> ToolOutput:
    """Find passages; the first ones are linked as resources."""
    output = call_first_route(tool, arguments, api, idempotency_key)
    hits = objects_of(output.structured.get("hits"))
    links = tuple(hit_link(hit) for hit in hits[:MAX_LINKS])
    told = [
        f"[{n}] {hit.get('path')}, page {hit.get('page')}, characters {hit.get('start')} to "
        f"{hit.get('end')}\n{hit.get('text')}"
        for n, hit in enumerate(hits, 1)
    ]
    more = output.structured.get("next_cursor")
    told += [f"More by cursor {more}."] if more else []
    text = "\n\n".join(told) or "No passage was found."
    return ToolOutput(output.structured, (text_block(text), *links), output.receipt)


def ask(tool: McpTool, arguments: Arguments, api: ApiCaller, idempotency_key: str) -> ToolOutput:
    """Answer a question; the passages that it cites, or the nearest, are linked as resources."""
    output = call_first_route(tool, arguments, api, idempotency_key)
    nearest = [
        object_of(each.get("citation")) for each in objects_of(output.structured.get("nearest"))
    ]
    citations = [*objects_of(output.structured.get("citations")), *nearest]
    told = [str(output.structured.get("answer", ""))]
    told += [
        f"[{each.get('n')}] {each.get('path')}, page {each.get('page')}, characters "
        f"{each.get('start')} to {each.get('end')}: {each.get('quote')}"
        for each in citations
    ]
    links = tuple(citation_link(each) for each in citations[:MAX_LINKS])
    return ToolOutput(output.structured, (text_block("\n".join(told)), *links), output.receipt)


def get_page(
    tool: McpTool, arguments: Arguments, api: ApiCaller, idempotency_key: str
) -> ToolOutput:
    """Return the text of a page, or a range of it that is not too long for a model."""
    start = _character(arguments, "start", 0)
    last = min(
        _character(arguments, "end", start + MAX_PAGE_CHARACTERS), start + MAX_PAGE_CHARACTERS
    )
    bounded = {**arguments, "start": start, "end": last}
    output = whole_output(api.call(route_call(tool.routes[0], bounded)).body)
    page = output.structured
    text = str(page.get("text", ""))
    if page.get("end") != page.get("characters"):
        text += f"\n[The page goes on; call again with start={page.get('end')}.]"
    return ToolOutput(page, (text_block(text),))


def _character(arguments: Arguments, name: str, default: int) -> int:
    """Return the position of a character in a page, `default` where it is left out."""
    value = arguments.get(name)
    if value is None:
        return default
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise invalid_argument(f"{name} is a number of characters, from 0.", name)
    return value


DOCUMENT_TOOLS: tuple[McpTool, ...] = (
    McpTool(
        name="search",
        title="Search documents",
        description="Find passages of the tenant's documents by meaning and by words, best first."
        " Each has its document, page and characters, and a score.",
        routes=(ToolRoute("POST", "/v1/search"),),
        arguments=(
            ToolArgument("query", "What to look for, in words.", {"type": "string"}, required=True),
            ToolArgument("collection", _COLLECTION),
            ToolArgument("filter", _FILTER),
            ToolArgument("top_k", "How many passages to find in all."),
            ToolArgument("limit", "How many of them a call returns at most."),
            ToolArgument("cursor", "next_cursor of the call before, for the passages after it."),
            ToolArgument("neighbours", "How many passages before and after each to add."),
            ToolArgument("rerank", "Whether a model looks at the first passages again."),
            ToolArgument(
                "rateable",
                "Whether it is kept, so that rate can rate it: without, search_id is mostly empty.",
            ),
        ),
        read_only=True,
        run=search,
    ),
    McpTool(
        name="ask",
        title="Ask the documents",
        description="Answer a question from the tenant's documents alone, with a citation for every"
        " claim. If no sentence says it, the closest passages are returned; if the documents are"
        " about something else, the outcome is not_found.",
        routes=(ToolRoute("POST", "/v1/ask"),),
        arguments=(
            ToolArgument("question", "The question.", required=True),
            ToolArgument("history", "Earlier questions and answers, oldest first."),
            ToolArgument("collection", _COLLECTION),
            ToolArgument("filter", _FILTER),
            ToolArgument("top_k", "How many passages to answer from."),
            ToolArgument("tier", "extractive quotes sentences; llm lets a language model write."),
        ),
        read_only=True,
        run=ask,
    ),
    McpTool(
        name="list_documents",
        title="List documents",
        description="List documents, a page at a time. A page may hold fewer than limit, even none,"
        " and go on behind its cursor.",
        routes=(ToolRoute("GET", "/v1/documents"),),
        arguments=(
            ToolArgument("collection", _COLLECTION),
            ToolArgument("status", "Only documents whose newest upload has this status."),
            ToolArgument("order", "newest lists those that were changed last first."),
            *PAGING,
        ),
        read_only=True,
    ),
    McpTool(
        name="get_document",
        title="Show a document",
        description="Show what became of a document: its status, why it was rejected, its pages,"
        " language and metadata. Its text is had by get_page.",
        routes=(ToolRoute("GET", "/v1/documents/{document_id}"),),
        arguments=(DOCUMENT_ID,),
        read_only=True,
    ),
    McpTool(
        name="get_page",
        title="Read a page",
        description="Read the text of one page of a document, as citations count its characters."
        f" At most {MAX_PAGE_CHARACTERS} characters are returned at once.",
        routes=(ToolRoute("GET", "/v1/documents/{document_id}/pages/{page}"),),
        arguments=(
            DOCUMENT_ID,
            ToolArgument(
                "page", "The page, from 1.", {"type": "integer", "minimum": 1}, required=True
            ),
            ToolArgument("version", "The version that a citation names; left out, the newest."),
            ToolArgument("start", "The first character."),
            ToolArgument("end", "The character to end before."),
            ToolArgument("format", "markdown writes tables, headings and lists as such."),
        ),
        read_only=True,
        run=get_page,
    ),
    McpTool(
        name="get_outline",
        title="Show the chapters of a recording",
        description="Show the chapters of a recording of sound or film, with their times in"
        " milliseconds and the sentences that sum up each.",
        routes=(ToolRoute("GET", "/v1/documents/{document_id}/outline"),),
        arguments=(
            DOCUMENT_ID,
            ToolArgument("version", "The version to open; left out, the newest."),
        ),
        read_only=True,
    ),
    McpTool(
        name="rate",
        title="Rate an answer",
        description="Rate an answer or a search by its id, with a correction or a better passage.",
        routes=(ToolRoute("POST", "/v1/feedback", status=201),),
        arguments=(
            ToolArgument("answer_id", "The answer_id of an answer, or else give search_id."),
            ToolArgument("search_id", "The search_id of a search that was asked for as rateable."),
            ToolArgument("rating", "Whether it was good.", required=True),
            ToolArgument("correction", "What the answer should have said."),
            ToolArgument("better_passage", "The characters of a page that answer better."),
            ToolArgument("comment", "Why."),
        ),
        repeatable=True,
    ),
    McpTool(
        name="list_collections",
        title="List collections",
        description="List the collections of documents, and how many documents each holds.",
        routes=(ToolRoute("GET", "/v1/collections"),),
        read_only=True,
    ),
)
