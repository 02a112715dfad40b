"""API keys in the records table: `KEY#<sha256 of the key>` / `KEY`, with tenant, name and time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.contracts.keys import ApiKey

if TYPE_CHECKING:
    from chalicelib.adapters.dynamodb import DynamoTable


class ApiKeyTable:
    """Reads API keys for the authorizer."""

    def __init__(self, table: DynamoTable) -> None:
        self._table = table

    def api_key(self, key_hash: str) -> ApiKey | None:
        """Return the key with this hash, or None if it is revoked or never existed."""
        item = self._table.get((f"KEY#{key_hash}", "KEY"))
        if item is None:
            return None
        return ApiKey(
            item["pk"].removeprefix("KEY#"),
            item["tenant"],
            item.get("name", ""),
            operator=bool(item.get("operator", False)),
        )
