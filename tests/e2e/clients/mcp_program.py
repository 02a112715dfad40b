"""Upload, ask, read and list with PyPI's `mcp` client, over HTTP and by `headrace mcp`.

Run as `mcp_program.py ENDPOINT KEY COMMAND`, it prints one JSON line: the results of protocol
2026-07-28 and of 2025-11-25, by either way in. `test_mcp.py` runs it.

https://github.com/modelcontextprotocol/python-sdk
"""

import asyncio
import json
import os
import sys
import time
from typing import Any

import httpx2
from mcp import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client

endpoint, key, command = sys.argv[1:]
DEADLINE_SECONDS = 90
TEXT = "# Turbine\n\nThe turbine was made by Voss Hydro in 2011. It is rated at 410 kilowatts.\n"
QUESTION = {"question": "Who made the turbine?"}


def http() -> Any:
    headers = {"Authorization": f"Bearer {key}"}
    http_client = httpx2.AsyncClient(headers=headers, timeout=60)
    return streamable_http_client(f"{endpoint}/mcp", http_client=http_client)


def stdio() -> Any:
    env = {
        "HEADRACE_ENDPOINT": endpoint,
        "HEADRACE_API_KEY": key,
        "PATH": os.environ["PATH"],
    }
    return stdio_client(StdioServerParameters(command=command, args=["mcp"], env=env))


async def uploaded(client: Client) -> Any:
    """Upload a document, and return it once it is read."""
    put = await client.call_tool("put_document", {"path": "turbine.md", "text": TEXT})
    document = {"document_id": put.structured_content["document_id"]}
    began = time.monotonic()
    while time.monotonic() - began < DEADLINE_SECONDS:
        shown = await client.call_tool("get_document", document)
        if not shown.is_error and shown.structured_content["status"] not in {
            "received",
            "processing",
        }:
            return shown.structured_content
        await asyncio.sleep(0.3)
    raise SystemExit("the document was not read in time")


async def modern() -> dict[str, Any]:
    async with Client(http()) as client:
        tools = (await client.list_tools()).tools
        document = await uploaded(client)
        answer = await client.call_tool("ask", QUESTION)
        links = [str(each.uri) for each in answer.content if each.type == "resource_link"]
        passage = (await client.read_resource(links[0])).contents[0]
        whole = await client.read_resource((await client.list_resources()).resources[0].uri)
        refused = await client.call_tool("search", {"query": "x", "top_k": 3_000})
        return {
            "version": client.protocol_version,
            "tools": [tool.name for tool in tools],
            "status": document["status"],
            "answer": answer.structured_content["answer"],
            "dollars": answer.meta["headrace/receipt"]["dollars"],
            "passage": passage.text,
            "whole": whole.contents[0].text,
            "prompts": len((await client.list_prompts()).prompts),
            "refused": refused.meta["headrace/error"]["field"],
        }


async def asked(transport: Any, mode: str) -> dict[str, Any]:
    async with Client(transport, mode=mode) as client:
        answer = await client.call_tool("ask", QUESTION)
        return {"version": client.protocol_version, "answer": answer.structured_content["answer"]}


async def main() -> None:
    told = {"modern": await modern()}
    told["legacy"] = await asked(http(), "legacy")
    told["stdio"] = await asked(stdio(), "auto")
    told["stdio legacy"] = await asked(stdio(), "legacy")
    sys.stdout.write(json.dumps(told) + "\n")


asyncio.run(main())
