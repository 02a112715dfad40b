"""The engine: runs executions in steps, each committed before its effects are visible."""
