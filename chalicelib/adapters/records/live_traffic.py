"""A cached view of who answers the calls of tenants, for processes that answer calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from chalicelib.adapters.records.tenant_cache import TenantCache
from chalicelib.errors import HeadraceError
from chalicelib.rollouts.arms import TRAFFIC_SECONDS, LiveTraffic

TENANTS_REMEMBERED = 256


class TrafficTable(Protocol):
    """The rollouts of all tenants."""

    def live(self, tenant: str) -> LiveTraffic:
        """Return what decides who answers calls of a tenant."""


class CachedTraffic:
    """Reads a tenant's rollouts at most every `TRAFFIC_SECONDS`, also where it has none.

    If they cannot be read, no rollout takes part in the calls, what was promoted stays as it was
    last read, and the call goes on.
    """

    def __init__(
        self,
        table: TrafficTable,
        monotonic: Callable[[], float],
        on_error: Callable[[HeadraceError], None],
    ) -> None:
        self._table = table
        self._on_error = on_error
        self._last: dict[str, LiveTraffic] = {}
        self._cache = TenantCache(self._read, monotonic, TRAFFIC_SECONDS, TENANTS_REMEMBERED)

    def __call__(self, tenant: str) -> LiveTraffic:
        """Return what is live of the tenant, at most `TRAFFIC_SECONDS` old."""
        return self._cache(tenant)

    def _read(self, tenant: str) -> LiveTraffic:
        try:
            traffic = self._table.live(tenant)
        except HeadraceError as error:
            self._on_error(error)
            last = self._last.get(tenant, LiveTraffic())
            return LiveTraffic(choices=last.choices)
        if traffic.choices:
            self._last[tenant] = traffic
        else:
            self._last.pop(tenant, None)
        return traffic
