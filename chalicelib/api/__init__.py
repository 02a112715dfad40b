"""The HTTP API: one blueprint a resource, one table from errors to HTTP."""
