"""The MCP server: messages, protocol versions, tools, resources, prompts and tasks. Pure."""
