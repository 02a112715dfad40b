"""Which models tenants may use, where an operator said so, and the breakers of models.

TENANT#<tenant>   MODELS           the names of the catalogue that it may use, as a list of JSON
MODELS            BREAKER#<name>   the circuit breaker of a tenant's calls
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from pydantic import TypeAdapter, ValidationError

from chalicelib.adapters.dynamodb import Delete, DynamoTable, Put, Value
from chalicelib.adapters.records.writes import tenant_key, tenant_pk
from chalicelib.errors import HeadraceError

ALLOWED_MODELS = "MODELS"
_NAMES = TypeAdapter(tuple[str, ...])


class AllowedModelRecords:
    """Models by tenant."""

    def __init__(self, table: DynamoTable) -> None:
        self._table = table

    def allowed(self, tenant: str) -> frozenset[str] | None:
        """Return the models that the tenant may use, None for all.

        Raises:
            HeadraceError: what is kept cannot be read: nothing may pass by it.
        """
        found = self._table.get((tenant_pk(tenant), ALLOWED_MODELS))
        if found is None:
            return None
        try:
            return frozenset(_NAMES.validate_json(str(found["models"])))
        except ValidationError as error:
            raise HeadraceError(f"The models of {tenant} cannot be read.") from error

    def allow(self, tenant: str, models: Collection[str]) -> None:
        """Let the tenant use these models and no others from its next request on."""
        written = _NAMES.dump_json(tuple(sorted(models))).decode()
        self._table.put(Put({"pk": tenant_pk(tenant), "sk": ALLOWED_MODELS, "models": written}))

    def allow_all(self, tenant: str) -> None:
        """Let the tenant use every model again."""
        self._table.delete(Delete((tenant_pk(tenant), ALLOWED_MODELS)))

    def tenant_exists(self, tenant: str) -> bool:
        """Tell whether the tenant is there, and is not being removed."""
        found = self._table.get(tenant_key(tenant))
        return found is not None and "removing" not in found


PK = "MODELS"
_PREFIX = "BREAKER#"


class BreakerRecords:
    """The store that `ModelGuard` shares breakers through."""

    def __init__(self, table: DynamoTable, now: Callable[[], float]) -> None:
        self._table = table
        self._now = now

    def breakers(self) -> Mapping[str, str]:
        """Return what was kept and is not too old, by name."""
        now = self._now()
        return {
            str(item["sk"]).removeprefix(_PREFIX): str(item["breaker"])
            for item in self._table.query(PK, _PREFIX)
            if float(item["expires_at"]) > now
        }

    def save(self, name: str, breaker: str, seconds: float) -> None:
        """Keep a breaker; the last to write wins, since each tells of a newer state."""
        expires_at = int(self._now() + seconds)
        key: dict[str, Value] = {"pk": PK, "sk": f"{_PREFIX}{name}"}
        self._table.put(Put({**key, "breaker": breaker, "expires_at": expires_at}))
