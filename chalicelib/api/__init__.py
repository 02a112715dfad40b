"""The HTTP API: one module a resource, one table of resources, one table of errors."""
