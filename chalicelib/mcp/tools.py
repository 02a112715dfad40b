"""The tools of the server, in the order in which they are listed."""

from __future__ import annotations

from collections.abc import Mapping

from chalicelib.mcp.batch_tools import BATCH_TOOLS
from chalicelib.mcp.document_tools import DOCUMENT_TOOLS
from chalicelib.mcp.model_tools import MODEL_TOOLS
from chalicelib.mcp.tool import McpTool
from chalicelib.mcp.work_tools import WORK_TOOLS

TOOLS: tuple[McpTool, ...] = (*DOCUMENT_TOOLS, *MODEL_TOOLS, *BATCH_TOOLS, *WORK_TOOLS)
TOOL_BY_NAME: Mapping[str, McpTool] = {tool.name: tool for tool in TOOLS}
