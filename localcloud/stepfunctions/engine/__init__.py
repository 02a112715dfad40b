"""The engine: runs executions as steps that are committed before their effects are seen."""
