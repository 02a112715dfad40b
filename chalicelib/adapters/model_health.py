"""Breakers of models in the records table, for every process of the stage."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from chalicelib.adapters.dynamodb import Put, Value

if TYPE_CHECKING:
    from chalicelib.adapters.dynamodb import Table

PK = "MODELS"
_PREFIX = "BREAKER#"


class ModelHealthRecords:
    """The store that `ModelGuard` shares breakers through."""

    def __init__(self, table: Table, now: Callable[[], float]) -> None:
        self._table = table
        self._now = now

    def breakers(self) -> Mapping[str, str]:
        """Return what was kept and is not too old, by model."""
        now = self._now()
        return {
            str(item["sk"]).removeprefix(_PREFIX): str(item["breaker"])
            for item in self._table.query(PK, _PREFIX)
            if float(item["expires_at"]) > now
        }

    def keep(self, model: str, breaker: str, seconds: float) -> None:
        """Keep a breaker; the last to write wins, since each tells of a newer state."""
        expires_at = int(self._now() + seconds)
        key: dict[str, Value] = {"pk": PK, "sk": f"{_PREFIX}{model}"}
        self._table.put(Put({**key, "breaker": breaker, "expires_at": expires_at}))
