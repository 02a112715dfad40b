"""Screening policies of tenants in the records table, set by operators.

`TENANT#<tenant>` `SCREENING` is the tenant's own policy, in place of the stage's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from pydantic import ValidationError

from chalicelib.adapters.dynamodb import Delete, DynamoTable, Put
from chalicelib.adapters.records.tenant_cache import TenantCache
from chalicelib.adapters.records.writes import tenant_key, tenant_pk
from chalicelib.contracts.screening import ScreeningPolicy
from chalicelib.errors import HeadraceError

SCREENING = "SCREENING"


class ScreeningTable:
    """Stores screening policies by tenant."""

    def __init__(self, table: DynamoTable) -> None:
        self._table = table

    def policy(self, tenant: str) -> ScreeningPolicy | None:
        """Return the tenant's own policy, None if the stage's applies.

        Raises:
            HeadraceError: the stored policy is not valid, so that nothing may pass.
        """
        found = self._table.get((tenant_pk(tenant), SCREENING))
        if found is None:
            return None
        try:
            return ScreeningPolicy.model_validate_json(str(found["policy"]))
        except ValidationError as error:
            raise HeadraceError(f"The screening policy of {tenant} cannot be read.") from error

    def give_policy(self, tenant: str, policy: ScreeningPolicy) -> None:
        """Store `policy`, which applies from the tenant's next request on."""
        written = policy.model_dump_json()
        self._table.put(Put({"pk": tenant_pk(tenant), "sk": SCREENING, "policy": written}))

    def drop_policy(self, tenant: str) -> None:
        """Remove the tenant's own policy, so that the stage's applies; no policy is no error."""
        self._table.delete(Delete((tenant_pk(tenant), SCREENING)))

    def tenant_stays(self, tenant: str) -> bool:
        """Tell whether the tenant exists and is not being removed."""
        found = self._table.get(tenant_key(tenant))
        return found is not None and "removing" not in found


class _PolicySource(Protocol):
    def policy(self, tenant: str) -> ScreeningPolicy | None: ...


class CachedPolicies:
    """Policies that are read again once they are `seconds` old by `clock`.

    For processes that make many calls for one tenant. A policy that cannot be read is not cached.
    """

    def __init__(self, policies: _PolicySource, clock: Callable[[], float], seconds: float) -> None:
        self._believed = TenantCache(policies.policy, clock, seconds)

    def policy(self, tenant: str) -> ScreeningPolicy | None:
        """Return the tenant's own policy, None if the stage's applies; raises like its source."""
        return self._believed(tenant)
