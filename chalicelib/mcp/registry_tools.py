"""Tools for versions of trained models, which take an operator's key. Data."""

from __future__ import annotations

from chalicelib.mcp.tool import PAGING, McpTool, ToolArgument, ToolRoute

_GROUP = ToolArgument("group", "The version's group, as list_model_versions has it.", required=True)
_NUMBER = ToolArgument(
    "number", "The version's number in its group.", {"type": "integer", "minimum": 1}, required=True
)

REGISTRY_TOOLS: tuple[McpTool, ...] = (
    McpTool(
        name="list_model_versions",
        title="List versions of trained models",
        description="List versions of trained models, newest first, with what was decided on each."
        " Takes an operator's key.",
        routes=(ToolRoute("GET", "/v1/registry/versions"),),
        arguments=(ToolArgument("group", "Only versions of this group."), *PAGING),
        read_only=True,
    ),
    McpTool(
        name="get_model_version",
        title="Show a version of a trained model",
        description="Show what the gates of a version measured, by which to approve or reject it."
        " Takes an operator's key.",
        routes=(ToolRoute("GET", "/v1/registry/versions/{group}/{number}"),),
        arguments=(_GROUP, _NUMBER),
        read_only=True,
    ),
    McpTool(
        name="decide_on_model_version",
        title="Approve or reject a trained model",
        description="Approve a version, so that it may serve every tenant of the stage, or reject"
        " it. The newest verdict counts. Takes an operator's key.",
        routes=(ToolRoute("PUT", "/v1/registry/versions/{group}/{number}/verdict"),),
        arguments=(
            _GROUP,
            _NUMBER,
            ToolArgument("state", "The verdict.", required=True),
            ToolArgument("comment", "The reason, which the registry keeps."),
        ),
        destructive=True,
        repeatable=True,
    ),
)
