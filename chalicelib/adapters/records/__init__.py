"""The records table: one module for each entity that it stores.

`writes` has the keys and the conditional writes of documents, versions and ingest slots.
"""
