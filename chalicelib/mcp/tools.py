"""The tools of the server, in the order in which they are listed, and calls of them. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from chalicelib.mcp import tasks
from chalicelib.mcp.api_calls import ApiCaller, ApiRefusalError
from chalicelib.mcp.batch_tools import BATCH_TOOLS
from chalicelib.mcp.document_changes import DOCUMENT_CHANGES
from chalicelib.mcp.document_tools import DOCUMENT_TOOLS
from chalicelib.mcp.extraction_tools import EXTRACTION_TOOLS
from chalicelib.mcp.jsonrpc import INVALID_PARAMS, Json, RpcError
from chalicelib.mcp.model_tools import MODEL_TOOLS
from chalicelib.mcp.registry_tools import REGISTRY_TOOLS
from chalicelib.mcp.tool import Arguments, McpTool
from chalicelib.mcp.tool_results import failed_result, output_result
from chalicelib.mcp.work_tools import WORK_TOOLS

TOOLS: tuple[McpTool, ...] = (
    *DOCUMENT_TOOLS,
    *DOCUMENT_CHANGES,
    *EXTRACTION_TOOLS,
    *MODEL_TOOLS,
    *BATCH_TOOLS,
    *WORK_TOOLS,
    *REGISTRY_TOOLS,
)
TOOL_BY_NAME: Mapping[str, McpTool] = {tool.name: tool for tool in TOOLS}


def call_tool(
    api: ApiCaller, name: str, arguments: Arguments, idempotency_key: str, *, has_tasks: bool
) -> Json:
    """Return the result of a tool, or the task of the job that it began.

    Args:
        api: Calls the API as the client.
        name: The tool's name.
        arguments: Its arguments.
        idempotency_key: The key under which the API keeps its response, "" for none.
        has_tasks: Whether the client takes a task in place of a result.

    Raises:
        RpcError: There is no such tool. What the API refuses is a result.
    """
    tool = TOOL_BY_NAME.get(name)
    if tool is None:
        message = f"Unknown tool: {name}; tools/list has those that there are."
        raise RpcError(INVALID_PARAMS, message, {"field": "name"})
    try:
        tool.check(arguments)
        output = tool.run(tool, arguments, api, idempotency_key)
    except ApiRefusalError as refusal:
        return failed_result(refusal.error, retry_after=refusal.retry_after)
    if output.job_id and has_tasks:
        return tasks.created_task(name, output)
    return output_result(output)
