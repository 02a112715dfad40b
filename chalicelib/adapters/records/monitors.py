"""Monitors, their reports and baselines in the records table.

TENANT#<tenant>   MONITOR#<name>                      a monitor
TENANT#<tenant>   DRIFT#<name>                        the report of its last look
TENANT#<tenant>   BASELINE#<kind>#<name>#<version>    the baseline of a version of a subject
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence

from chalicelib.adapters.dynamodb import Delete, DynamoTable, Item, Key, Put
from chalicelib.adapters.records.writes import EXISTS, tenant_pk, tenant_stays
from chalicelib.contracts.captures import CaptureSubject
from chalicelib.contracts.drift import DriftReport
from chalicelib.contracts.monitors import Monitor
from chalicelib.errors import Conflict

_MONITOR, _DRIFT, _BASELINE = "MONITOR#", "DRIFT#", "BASELINE#"
TENANTS_REMEMBERED = 256


class MonitorTable:
    """Stores monitors by tenant."""

    def __init__(self, table: DynamoTable) -> None:
        self._table = table

    def put(self, tenant: str, monitor: Monitor) -> None:
        """Store a monitor, in place of one of its name.

        Raises:
            Conflict: the tenant is gone or is being removed.
        """
        written = {
            "pk": tenant_pk(tenant),
            "sk": _MONITOR + monitor.name,
            "monitor": monitor.model_dump_json(),
        }
        self._table.transact([Put(written), tenant_stays(tenant)])

    def monitors(self, tenant: str) -> Sequence[Monitor]:
        """Return the tenant's monitors, by name."""
        return tuple(map(_monitor, self._table.query(tenant_pk(tenant), _MONITOR)))

    def monitor(self, tenant: str, name: str) -> Monitor | None:
        """Return one monitor, or None."""
        item = self._table.get((tenant_pk(tenant), _MONITOR + name))
        return None if item is None else _monitor(item)

    def remove(self, tenant: str, name: str) -> bool:
        """Remove a monitor and its report; return False if there is none."""
        try:
            self._table.delete(Delete((tenant_pk(tenant), _MONITOR + name), EXISTS))
        except Conflict:
            return False
        self._table.delete(Delete((tenant_pk(tenant), _DRIFT + name)))
        return True

    def put_report(self, tenant: str, report: DriftReport) -> None:
        """Store the report of a monitor's last look, in place of the one before."""
        written = report.model_dump_json()
        key = {"pk": tenant_pk(tenant), "sk": _DRIFT + report.monitor}
        self._table.put(Put({**key, "report": written}))

    def report(self, tenant: str, name: str) -> DriftReport | None:
        """Return the report of a monitor's last look, or None."""
        item = self._table.get((tenant_pk(tenant), _DRIFT + name))
        return None if item is None else DriftReport.model_validate_json(item["report"])

    def put_baseline(self, tenant: str, subject: CaptureSubject, version: str, body: bytes) -> None:
        """Store the baseline of a version, in place of one before."""
        pk, sk = _baseline_key(tenant, subject, version)
        self._table.put(Put({"pk": pk, "sk": sk, "baseline": body}))

    def baseline(self, tenant: str, subject: CaptureSubject, version: str) -> bytes | None:
        """Return the baseline of a version, or None."""
        item = self._table.get(_baseline_key(tenant, subject, version))
        return None if item is None else bytes(item["baseline"])

    def remove_baselines(self, tenant: str, subject: CaptureSubject) -> int:
        """Remove the baselines of a subject; return how many those were."""
        prefix = f"{_BASELINE}{subject.kind}#{subject.name}#"
        found = list(self._table.query(tenant_pk(tenant), prefix, attributes=("sk",)))
        for item in found:
            self._table.delete(Delete((tenant_pk(tenant), item["sk"])))
        return len(found)


class CachedMonitors:
    """Monitors that are read again once they are `seconds` old by `clock`.

    Of `TENANTS_REMEMBERED` tenants at most, also of those that have none: most calls are of
    tenants that capture nothing.
    """

    def __init__(
        self,
        read: Callable[[str], Sequence[Monitor]],
        clock: Callable[[], float],
        seconds: float,
    ) -> None:
        self._read = read
        self._clock = clock
        self._seconds = seconds
        self._kept: OrderedDict[str, tuple[float, Sequence[Monitor]]] = OrderedDict()
        self._lock = threading.Lock()

    def monitors(self, tenant: str) -> Sequence[Monitor]:
        """Return the tenant's monitors. Raises as its source."""
        with self._lock:
            kept = self._kept.get(tenant)
        if kept is not None and self._clock() - kept[0] < self._seconds:
            return kept[1]
        found = self._read(tenant)
        with self._lock:
            self._kept[tenant] = (self._clock(), found)
            self._kept.move_to_end(tenant)
            while len(self._kept) > TENANTS_REMEMBERED:
                self._kept.popitem(last=False)
        return found


def _baseline_key(tenant: str, subject: CaptureSubject, version: str) -> Key:
    return tenant_pk(tenant), f"{_BASELINE}{subject.kind}#{subject.name}#{version}"


def _monitor(item: Item) -> Monitor:
    return Monitor.model_validate_json(item["monitor"])
