"""Go a newcomer's way with PyPI's `mcp` client alone, over HTTP and by `headrace mcp`.

Run as `mcp_program.py ENDPOINT KEY OPERATOR_KEY GROUP FOLDER COMMAND`, it prints one JSON line:
what it saw at each step by protocol 2026-07-28, and what other ways in answered. FOLDER has the
files to upload, GROUP a version that waits for a verdict. `test_mcp.py` runs it.

https://github.com/modelcontextprotocol/python-sdk
"""

import asyncio
import base64
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import httpx2
from mcp import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.types import ResourceTemplateReference

endpoint, key, operator_key, group, folder, command = sys.argv[1:]
DEADLINE_SECONDS = 90
QUESTION = {"question": "Who made the turbine?"}
STORY = {"prompt": "Name a river.", "max_tokens": 5, "allow_truncation": True}
CALLS = [{"id": "a", "prompt": "Name a river.", "max_tokens": 5}, {"id": "b", "max_tokens": 5}]


def http(secret: str = key) -> Any:
    headers = {"Authorization": f"Bearer {secret}"}
    http_client = httpx2.AsyncClient(headers=headers, timeout=60)
    return streamable_http_client(f"{endpoint}/mcp", http_client=http_client)


def stdio() -> Any:
    env = {
        "HEADRACE_ENDPOINT": endpoint,
        "HEADRACE_API_KEY": key,
        "PATH": os.environ["PATH"],
    }
    return stdio_client(StdioServerParameters(command=command, args=["mcp"], env=env))


async def called(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    """Return the structured content of a tool's result; raise RuntimeError for an error."""
    result = await client.call_tool(tool, arguments)
    if result.is_error:
        raise RuntimeError(f"{tool}: {result.content[0].text}")
    content: dict[str, Any] = result.structured_content
    return content


async def refused(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    """Return the error of a tool; raise RuntimeError if there is none."""
    result = await client.call_tool(tool, arguments)
    if not result.is_error:
        raise RuntimeError(f"{tool} was not refused")
    error: dict[str, Any] = result.meta["headrace/error"]
    return error


async def settled(client: Client, tool: str, busy: set[str], **arguments: Any) -> dict[str, Any]:
    """Return what a tool shows once its status is none of `busy`, which may not be there yet."""
    began = time.monotonic()
    while time.monotonic() - began < DEADLINE_SECONDS:
        shown = await client.call_tool(tool, arguments)
        content: dict[str, Any] = shown.structured_content or {}
        if not shown.is_error and content["status"] not in busy:
            return content
        await asyncio.sleep(0.3)
    raise RuntimeError(f"{tool} {arguments} did not settle in time")


async def uploaded(client: Client) -> dict[str, dict[str, Any]]:
    """Upload the folder, and return its documents by file name once they are read."""
    ids = {}
    for file in sorted(Path(folder).iterdir()):
        content = base64.b64encode(file.read_bytes()).decode()
        path = f"station/{file.name}"
        put = await called(client, "put_document", path=path, base64=content)
        ids[file.name] = put["document_id"]
    busy = {"received", "processing"}
    return {
        name: await settled(client, "get_document", busy, document_id=document)
        for name, document in ids.items()
    }


async def asked(client: Client) -> dict[str, Any]:
    """Ask, open what is cited, and rate the answer."""
    answer = await client.call_tool("ask", QUESTION)
    links = [str(each.uri) for each in answer.content if each.type == "resource_link"]
    passage = (await client.read_resource(links[0])).contents[0]
    content = answer.structured_content
    rated = await called(client, "rate", answer_id=content["answer_id"], rating="up")
    return {
        "answer": content["answer"],
        "dollars": answer.meta["headrace/receipt"]["dollars"],
        "passage": passage.text,
        "rated": bool(rated["feedback_id"]),
    }


async def corrected(client: Client, document_id: str) -> dict[str, Any]:
    """Extract an invoice's number, which is too doubtful to be given, and correct it."""
    number = {"type": ["string", "null"]}
    schema = {
        "type": "object",
        "x-min-confidence": 0.999,
        "properties": {"invoice_number": number, "total": {"type": ["number", "null"]}},
    }
    made = await called(client, "extract", json_schema=schema, document_ids=[document_id])
    extraction = made["extraction"]
    waiting = await called(client, "list_reviews")
    claim = (await called(client, "claim_review", extraction_id=extraction["extraction_id"]))[
        "claim"
    ]
    edit = {"pointer": "/invoice_number", "value": "R-7"}
    of = {"extraction_id": extraction["extraction_id"], "claim_id": claim["claim_id"]}
    await called(client, "put_review", **of, edits=[edit], decision="approve")
    one = f"headrace://extractions/{extraction['extraction_id']}"
    shown = json.loads((await client.read_resource(one)).contents[0].text)
    return {
        "before": extraction["values"]["invoice_number"],
        "waiting": len(waiting["items"]),
        "status": shown["status"],
        "after": shown["values"]["invoice_number"],
        "schema": shown["json_schema"] == schema,
    }


async def batched(client: Client) -> dict[str, Any]:
    """Begin a batch that waits for its estimate to be confirmed, see what is wrong, cancel it."""
    begun = (await called(client, "run_batch", calls=CALLS, confirm=True))["job"]
    job = {"job_id": begun["job_id"]}
    paused = await settled(client, "get_job", {"queued", "running"}, **job)
    errors = (await called(client, "list_job_errors", **job))["items"]
    cancelled = await called(client, "cancel_job", **job)
    again = await refused(client, "cancel_job", **job)
    return {
        "estimated": paused["estimate"]["items"],
        "status": cancelled["status"],
        "errors": [(each["id"], each["error"]["type"]) for each in errors],
        "again": again["type"],
    }


async def approved(client: Client) -> dict[str, Any]:
    """Approve the version that waits, by an operator's key; the tenant's is told what it takes."""
    denied = await refused(client, "list_model_versions")
    async with Client(http(operator_key)) as operator:
        (version,) = (await called(operator, "list_model_versions", group=group))["items"]
        of = {"group": group, "number": version["number"]}
        numbers = (await called(operator, "get_model_version", **of))["numbers"]
        decided = await called(operator, "decide_on_model_version", **of, state="approved")
    return {
        "denied": denied,
        "before": version["state"],
        "numbers": numbers,
        "after": decided["state"],
    }


async def completed(client: Client, document_id: str) -> dict[str, Any]:
    """Complete variables of a template: a document by a piece of its path, then its pages."""
    page = ResourceTemplateReference(uri="headrace://documents/{document_id}/pages/{page}")
    found = await client.complete(page, {"name": "document_id", "value": "invoice"})
    given = {"document_id": document_id}
    pages = await client.complete(page, {"name": "page", "value": ""}, given)
    return {
        "document": found.completion.values == [document_id],
        "pages": pages.completion.values,
    }


async def newcomer() -> dict[str, Any]:
    async with Client(http()) as client:
        tools = (await client.list_tools()).tools
        documents = await uploaded(client)
        invoice, broken = documents["invoice.pdf"], documents["broken.pdf"]
        told = {
            "version": client.protocol_version,
            "destructive": sorted(tool.name for tool in tools if tool.annotations.destructive_hint),
            "statuses": {name: each["status"] for name, each in documents.items()},
            "reason": broken["reason"],
            "newest": [
                each["updated_at"]
                for each in (await called(client, "list_documents", order="newest"))["items"]
            ],
            **await asked(client),
            "listed": [each.name for each in (await client.list_resources()).resources],
            "completed": await completed(client, invoice["document_id"]),
            "review": await corrected(client, invoice["document_id"]),
            "batch": await batched(client),
            "verdict": await approved(client),
        }
        gone = await called(client, "delete_document", document_id=broken["document_id"])
        missing = await refused(client, "get_document", document_id=broken["document_id"])
        await called(client, "generate_text", **STORY)
        usage = await called(client, "get_usage")
        return told | {
            "deleted": gone["deleted"]["document_id"] == broken["document_id"],
            "missing": missing["type"],
            "usage": usage,
        }


async def answered(transport: Any, mode: str) -> dict[str, Any]:
    """Ask by another way in, or an older protocol."""
    async with Client(transport, mode=mode) as client:
        answer = await called(client, "ask", **QUESTION)
        return {"version": client.protocol_version, "answer": answer["answer"]}


async def main() -> None:
    told = {"newcomer": await newcomer()}
    told["legacy"] = await answered(http(), "legacy")
    told["stdio"] = await answered(stdio(), "auto")
    told["stdio legacy"] = await answered(stdio(), "legacy")
    sys.stdout.write(json.dumps(told) + "\n")


asyncio.run(main())
