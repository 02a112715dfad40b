"""Monitors, their reports and baselines in the records table.

TENANT#<tenant>   MONITOR#<name>                      a monitor
TENANT#<tenant>   DRIFT#<name>                        the report of its last look
TENANT#<tenant>   DRIFT#<name>#<version>              that of the last look that compared a version
TENANT#<tenant>   BASELINE#<kind>#<name>#<version>    the baseline of a version of a subject

What is of a version expires 180 days after the version was last looked at. A subject has 20
baselines at most; those of versions that were not looked at for longest expire.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from chalicelib.adapters.dynamodb import Delete, DynamoTable, Item, Key, Put, Update, Value
from chalicelib.adapters.records.writes import EXISTS, tenant_pk, tenant_stays
from chalicelib.contracts.captures import CaptureSubject
from chalicelib.contracts.drift import DriftReport
from chalicelib.contracts.monitors import Monitor
from chalicelib.errors import Conflict

_MONITOR, _DRIFT, _BASELINE = "MONITOR#", "DRIFT#", "BASELINE#"
VERSION_STAYS = timedelta(days=180)
MAX_BASELINES = 20
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
        self._remove_all(tenant, f"{_DRIFT}{name}#")
        return True

    def put_report(self, tenant: str, report: DriftReport) -> None:
        """Store the report of a monitor's last look, and as that of its version if it compared."""
        pk, sk = tenant_pk(tenant), _DRIFT + report.monitor
        written = report.model_dump_json()
        if report.last_call:
            own = f"{sk}#{report.version}"
            expires_at = _expiry(report.time)
            self._table.put(Put({"pk": pk, "sk": own, "report": written, "expires_at": expires_at}))
        self._table.put(Put({"pk": pk, "sk": sk, "report": written}))

    def report(self, tenant: str, name: str, version: str = "") -> DriftReport | None:
        """Return the report of a monitor's last look, or of the last that compared a version."""
        sk = f"{_DRIFT}{name}#{version}" if version else _DRIFT + name
        item = self._table.get((tenant_pk(tenant), sk))
        return None if item is None else DriftReport.model_validate_json(item["report"])

    def put_baseline(
        self, tenant: str, subject: CaptureSubject, version: str, body: bytes, now: datetime
    ) -> None:
        """Store the baseline of a version, in place of one before; the least used ones expire."""
        pk, sk = _baseline_key(tenant, subject, version)
        self._table.put(Put({"pk": pk, "sk": sk, "baseline": body, "expires_at": _expiry(now)}))
        kept = self._table.query(pk, _baseline_prefix(subject), attributes=("sk", "expires_at"))
        others = sorted(
            (item["expires_at"], item["sk"])
            for item in kept
            if item["sk"] != sk and item["expires_at"] > now.timestamp()
        )
        for _, other in others[: max(0, len(others) + 1 - MAX_BASELINES)]:
            self._expire((pk, other), now)

    def baseline(
        self, tenant: str, subject: CaptureSubject, version: str, now: datetime
    ) -> bytes | None:
        """Return the baseline of a version, or None; one that is in use does not expire."""
        key = _baseline_key(tenant, subject, version)
        item = self._table.get(key)
        if item is None or item["expires_at"] <= now.timestamp():
            return None
        if item["expires_at"] < (now + VERSION_STAYS / 2).timestamp():
            self._expire(key, now + VERSION_STAYS)
        return bytes(item["baseline"])

    def remove_baselines(self, tenant: str, subject: CaptureSubject) -> int:
        """Remove the baselines of a subject; return how many those were."""
        return self._remove_all(tenant, _baseline_prefix(subject))

    def _expire(self, key: Key, at: datetime) -> None:
        values: dict[str, Value] = {":at": int(at.timestamp())}
        self._table.updated(Update(key, "SET #expires_at = :at", values, EXISTS))

    def _remove_all(self, tenant: str, prefix: str) -> int:
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


def _baseline_prefix(subject: CaptureSubject) -> str:
    return f"{_BASELINE}{subject.kind}#{subject.name}#"


def _baseline_key(tenant: str, subject: CaptureSubject, version: str) -> Key:
    return tenant_pk(tenant), _baseline_prefix(subject) + version


def _expiry(looked_at: datetime) -> int:
    return int((looked_at + VERSION_STAYS).timestamp())


def _monitor(item: Item) -> Monitor:
    return Monitor.model_validate_json(item["monitor"])
