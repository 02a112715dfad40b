"""Screening policies that operators set for tenants, in the records table.

`TENANT#<tenant>` `SCREENING` is the tenant's own policy, in place of the stage's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from pydantic import ValidationError

from chalicelib.adapters.believing import Believed
from chalicelib.adapters.dynamodb import Delete, Put, Table
from chalicelib.adapters.record_writes import tenant_key, tenant_pk
from chalicelib.contracts.screening import ScreeningPolicy
from chalicelib.errors import HeadraceError

SCREENING = "SCREENING"


class ScreeningRecords:
    """Policies by tenant."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def policy(self, tenant: str) -> ScreeningPolicy | None:
        """Return the tenant's own policy, None where it has the stage's.

        Raises:
            HeadraceError: what is kept is no policy: nothing may pass by it.
        """
        found = self._table.get((tenant_pk(tenant), SCREENING))
        if found is None:
            return None
        try:
            return ScreeningPolicy.model_validate_json(str(found["policy"]))
        except ValidationError as error:
            raise HeadraceError(f"The screening policy of {tenant} cannot be read.") from error

    def give_policy(self, tenant: str, policy: ScreeningPolicy) -> None:
        """Let `policy` hold for the tenant from its next request on."""
        written = policy.model_dump_json()
        self._table.put(Put({"pk": tenant_pk(tenant), "sk": SCREENING, "policy": written}))

    def drop_policy(self, tenant: str) -> None:
        """Let the stage's policy hold for the tenant again; without one of its own, nothing is."""
        self._table.delete(Delete((tenant_pk(tenant), SCREENING)))

    def tenant_stays(self, tenant: str) -> bool:
        """Tell whether the tenant is there, and is not being removed."""
        found = self._table.get(tenant_key(tenant))
        return found is not None and "removing" not in found


class _Policies(Protocol):
    def policy(self, tenant: str) -> ScreeningPolicy | None: ...


class BelievedPolicies:
    """Policies that are read again once they are `seconds` old by `clock`: for who makes many calls
    of one tenant. What cannot be read is not believed on.
    """

    def __init__(self, policies: _Policies, clock: Callable[[], float], seconds: float) -> None:
        self._believed = Believed(policies.policy, clock, seconds)

    def policy(self, tenant: str) -> ScreeningPolicy | None:
        """Return the tenant's own policy, None where it has the stage's. Raises as its source."""
        return self._believed(tenant)
