"""Results of tools: content, receipts, and errors that a model can act on. Pure.

https://modelcontextprotocol.io/specification/2026-07-28/server/tools#error-handling
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from pydantic import JsonValue

from chalicelib.mcp.jsonrpc import Json
from chalicelib.mcp.tool import ToolOutput, text_block

RECEIPT_KEY = "headrace/receipt"
ERROR_KEY = "headrace/error"
LISTS: Mapping[str, str] = {
    "document_id": "the tool list_documents",
    "collection": "the tool list_collections",
    "extraction_id": "the tool list_extractions",
    "extractor": "the tool list_extractors",
    "model": "the tool list_models",
    "group": "the tool list_model_versions",
    "job_id": "the tool list_jobs",
    "schedule": "the tool list_schedules",
    "prompt": "prompts/list, a method of the protocol",
}
"""Tools and methods that list things, by the field that names one: the fix for one not found."""
_FIXES: Mapping[str, str] = {
    "NotFound": "Look the id or the name up in the call that returned it.",
    "NotPermitted": "Connect with an operator's API key; nothing in the arguments can mend it.",
    "Conflict": "Look at the present state of the thing before calling again.",
    "QuotaExceeded": "Spend less by asking for less, or have the budget raised.",
    "Throttled": "Call again a little later.",
    "Transient": "Call again a little later.",
    "ModelFailure": "Name another model, raise quality, or ask in another way.",
    "NoAnswer": "Name another model, raise quality, or leave checks out.",
    "Unsupported": "Use what the message names instead.",
    "InternalError": "Call again; if it fails again, report the request id.",
}


def output_result(output: ToolOutput) -> Json:
    """Return the result of a tool that succeeded."""
    content: list[JsonValue] = [*output.content] or [text_block(_json(output.structured))]
    result: Json = {
        "resultType": "complete",
        "content": content,
        "structuredContent": output.structured,
        "isError": False,
    }
    if output.receipt is not None:
        result["_meta"] = {RECEIPT_KEY: output.receipt}
    return result


def failed_result(
    error: Mapping[str, JsonValue], receipt: JsonValue = None, retry_after: int | None = None
) -> Json:
    """Return the result of a tool that failed: the error, its field and limit, and a fix."""
    told = {**error, "fix": _fix(error, retry_after)}
    lines = [f"{told.get('type')}: {told.get('message')}"]
    lines += [
        f"{name}: {told[name]}"
        for name in ("field", "limit", "fix", "request_id")
        if told.get(name) is not None
    ]
    meta: Json = {ERROR_KEY: told}
    if receipt is not None:
        meta[RECEIPT_KEY] = receipt
    return {
        "resultType": "complete",
        "content": [text_block("\n".join(lines))],
        "isError": True,
        "_meta": meta,
    }


def _fix(error: Mapping[str, JsonValue], retry_after: int | None) -> str:
    if retry_after is not None:
        return f"Call again after {retry_after} seconds."
    kind, field = str(error.get("type")), error.get("field")
    if kind == "NotFound" and field in LISTS:
        return f"Look {field} up by {LISTS[str(field)]}."
    if kind == "NotFound" and field == "page":
        return "Correct page and call again."
    if kind == "InvalidInput" or kind not in _FIXES:
        # The body of a route is the arguments of its tool.
        named = field if field and field != "body" else "the arguments"
        return f"Correct {named} and call again."
    return _FIXES[kind]


def _json(value: JsonValue) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
