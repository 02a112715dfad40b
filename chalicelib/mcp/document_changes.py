"""Tools that upload, retry and delete documents."""

from __future__ import annotations

import base64
import binascii

from chalicelib.mcp.api_calls import ApiCaller
from chalicelib.mcp.document_tools import DOCUMENT_ID
from chalicelib.mcp.jsonrpc import Json, object_of
from chalicelib.mcp.model_tools import JOB, job_output
from chalicelib.mcp.tool import (
    ACCEPTED,
    Arguments,
    McpTool,
    ToolArgument,
    ToolOutput,
    ToolRoute,
    invalid_argument,
    route_call,
    text_block,
    whole_output,
)

MAX_UPLOAD_BYTES = 3_000_000
"""Bytes of a file within a call: as base64, 4 MB of the 5 MB that a message has at most."""


def put_document(
    tool: McpTool, arguments: Arguments, api: ApiCaller, idempotency_key: str
) -> ToolOutput:
    """Upload a file that the call holds, or return the form that uploads one."""
    content = _content(arguments)
    size = arguments.get("bytes") if content is None else len(content)
    if size is None:
        raise invalid_argument(
            "Give the file as text or base64, or its size as bytes to get a form that uploads it.",
            "text",
        )
    given = {
        name: value for name, value in arguments.items() if name not in {"text", "base64", "bytes"}
    }
    announced = api.call(route_call(tool.routes[0], {**given, "bytes": size}, idempotency_key)).body
    form = object_of(announced.get("upload"))
    document_id = str(announced.get("document_id"))
    structured: Json = {"document_id": document_id, "uploaded": content is not None}
    if content is None:
        upload: Json = {"upload": form, "expires_at": announced.get("expires_at")}
        told = (
            f"Nothing is uploaded yet. Send the form fields and then the file as a multipart form "
            f"to {form.get('url')} before {announced.get('expires_at')}; the document is then "
            f"{document_id}."
        )
        return ToolOutput({**structured, **upload}, (text_block(told),))
    fields = {name: str(value) for name, value in object_of(form.get("fields")).items()}
    api.upload(fields, content)
    told = (
        f"Uploaded {len(content)} bytes as {document_id}. It is read within seconds; get_document "
        "says when it is ready, or why it was rejected."
    )
    return ToolOutput({**structured, "upload": None, "expires_at": None}, (text_block(told),))


def _content(arguments: Arguments) -> bytes | None:
    """Return the file that a call holds, None if it holds none."""
    text, encoded = arguments.get("text"), arguments.get("base64")
    if text is not None and encoded is not None:
        raise invalid_argument("Give the file as text or as base64, not as both.", "base64")
    if text is None and encoded is None:
        return None
    name = "text" if encoded is None else "base64"
    given = text if encoded is None else encoded
    if not isinstance(given, str):
        raise invalid_argument(f"{name} is a text.", name)
    try:
        content = given.encode() if encoded is None else base64.b64decode(given, validate=True)
    except (binascii.Error, ValueError) as error:
        raise invalid_argument(f"The file is not base64: {error}.", name) from error
    if len(content) > MAX_UPLOAD_BYTES:
        raise invalid_argument(
            f"The file has {len(content)} bytes; a call holds at most {MAX_UPLOAD_BYTES}. Give its "
            "size as bytes instead, and upload it by the form that is returned.",
            name,
            str(MAX_UPLOAD_BYTES),
        )
    return content


def delete_document(
    tool: McpTool, arguments: Arguments, api: ApiCaller, idempotency_key: str
) -> ToolOutput:
    """Remove a document now, or begin the job that removes a large one."""
    done, begun = tool.routes
    response = api.call(route_call(done, arguments))
    if response.status == ACCEPTED:
        return job_output(response.body, done.key)
    structured: Json = {done.key: whole_output(response.body).structured, begun.key: None}
    return ToolOutput(structured)


DOCUMENT_CHANGES: tuple[McpTool, ...] = (
    McpTool(
        name="put_document",
        title="Upload a document",
        description="Upload a file: as text, as base64, or, with its size as bytes alone, by a form"
        " that is returned. The same path again is a new version of the same document.",
        routes=(ToolRoute("POST", "/v1/documents"),),
        arguments=(
            ToolArgument("path", "Where it lies, such as minutes/2026-01.md.", required=True),
            ToolArgument("collection", "The collection that it belongs to."),
            ToolArgument("text", "The file, if it is a text.", {"type": "string"}),
            ToolArgument(
                "base64",
                f"The file in base64, of at most {MAX_UPLOAD_BYTES} bytes.",
                {"type": "string", "contentEncoding": "base64"},
            ),
            ToolArgument("bytes", "The size of a file that will be uploaded by a form."),
            ToolArgument("metadata", "Names with values that searches may filter by."),
        ),
        destructive=True,
        run=put_document,
    ),
    McpTool(
        name="retry_document",
        title="Read a document again",
        description="Ask for another attempt at a document whose newest upload failed. One that was"
        " rejected has to be uploaded again once it is mended.",
        routes=(ToolRoute("POST", "/v1/documents/{document_id}/retry", ACCEPTED),),
        arguments=(DOCUMENT_ID,),
        repeatable=True,
    ),
    McpTool(
        name="delete_document",
        title="Delete a document",
        description="Remove a document for good, with all its versions, passages and extractions."
        " A large one is removed by a job.",
        routes=(
            ToolRoute("DELETE", "/v1/documents/{document_id}", key="deleted"),
            ToolRoute("DELETE", "/v1/documents/{document_id}", ACCEPTED, JOB),
        ),
        arguments=(DOCUMENT_ID,),
        destructive=True,
        repeatable=True,
        run=delete_document,
    ),
)
