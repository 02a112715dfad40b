"""Which models tenants may use, where an operator said so.

TENANT#<tenant>   MODELS   the names of the catalogue that it may use, as a list of JSON
"""

from __future__ import annotations

from collections.abc import Collection

from pydantic import TypeAdapter, ValidationError

from chalicelib.adapters.dynamodb import Delete, Put, Table
from chalicelib.adapters.record_writes import tenant_key, tenant_pk
from chalicelib.errors import HeadraceError

MODELS = "MODELS"
_NAMES = TypeAdapter(tuple[str, ...])


class AllowanceRecords:
    """Models by tenant."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def allowed(self, tenant: str) -> frozenset[str] | None:
        """Return the models that the tenant may use, None for all.

        Raises:
            HeadraceError: what is kept cannot be read: nothing may pass by it.
        """
        found = self._table.get((tenant_pk(tenant), MODELS))
        if found is None:
            return None
        try:
            return frozenset(_NAMES.validate_json(str(found["models"])))
        except ValidationError as error:
            raise HeadraceError(f"The models of {tenant} cannot be read.") from error

    def allow(self, tenant: str, models: Collection[str]) -> None:
        """Let the tenant use these models and no others from its next request on."""
        written = _NAMES.dump_json(tuple(sorted(models))).decode()
        self._table.put(Put({"pk": tenant_pk(tenant), "sk": MODELS, "models": written}))

    def allow_all(self, tenant: str) -> None:
        """Let the tenant use every model again."""
        self._table.delete(Delete((tenant_pk(tenant), MODELS)))

    def tenant_stays(self, tenant: str) -> bool:
        """Tell whether the tenant is there, and is not being removed."""
        found = self._table.get(tenant_key(tenant))
        return found is not None and "removing" not in found
