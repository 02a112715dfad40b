"""Monitors and captured calls in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from chalicelib.captures.recorder import CallRecorder
from chalicelib.contracts.captures import CapturedCall, CaptureSubject
from chalicelib.contracts.drift import DriftReport
from chalicelib.contracts.monitors import Monitor
from chalicelib.contracts.screening import ScreeningPolicy
from chalicelib.errors import HeadraceError
from chalicelib.jobs.ulids import ulid

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@dataclass
class FakeCaptures:
    """Stores monitors and calls of one tenant; fails to store calls if `failure` is set."""

    kept: dict[str, Monitor] = field(default_factory=dict)
    calls: list[CapturedCall] = field(default_factory=list)
    expires: list[datetime] = field(default_factory=list)
    reports: dict[str, DriftReport] = field(default_factory=dict)
    baselines: dict[tuple[str, str], bytes] = field(default_factory=dict)
    errors: list[HeadraceError] = field(default_factory=list)
    failure: Exception | None = None
    own_policy: ScreeningPolicy | None = None

    @property
    def recorder(self) -> CallRecorder:
        numbers = iter(range(len(self.calls), 10**6))
        return CallRecorder(
            settings=self,
            policies=self,
            calls=_Writer(self),
            utcnow=lambda: NOW,
            new_ulid=lambda now: ulid(now, next(numbers)),
            on_error=self.errors.append,
        )

    def watch(self, kind: str, name: str, **terms: object) -> Monitor:
        """Put a monitor that captures every call of a subject, unless `terms` say otherwise."""
        given = {"subject": {"kind": kind, "name": name}, "sample_rate": 1.0} | terms
        monitor = Monitor.model_validate(
            given | {"name": f"m{len(self.kept)}", "created_at": NOW, "updated_at": NOW}
        )
        self.kept[monitor.name] = monitor
        return monitor

    def policy(self, tenant: str) -> ScreeningPolicy | None:
        return self.own_policy

    def put(self, tenant: str, monitor: Monitor) -> None:
        self.kept[monitor.name] = monitor

    def monitors(self, tenant: str) -> Sequence[Monitor]:
        return tuple(self.kept[name] for name in sorted(self.kept))

    def monitor(self, tenant: str, name: str) -> Monitor | None:
        return self.kept.get(name)

    def remove(self, tenant: str, name: str) -> bool:
        return self.kept.pop(name, None) is not None

    def put_report(self, tenant: str, report: DriftReport) -> None:
        self.reports[report.monitor] = report
        if report.last_call:
            self.reports[f"{report.monitor}#{report.version}"] = report

    def report(self, tenant: str, name: str, version: str = "") -> DriftReport | None:
        return self.reports.get(f"{name}#{version}" if version else name)

    def put_baseline(
        self, tenant: str, subject: CaptureSubject, version: str, body: bytes, now: datetime
    ) -> None:
        self.baselines[subject.path, version] = body

    def baseline(
        self, tenant: str, subject: CaptureSubject, version: str, now: datetime
    ) -> bytes | None:
        return self.baselines.get((subject.path, version))

    def remove_baselines(self, tenant: str, subject: CaptureSubject) -> int:
        found = [key for key in self.baselines if key[0] == subject.path]
        for key in found:
            del self.baselines[key]
        return len(found)

    def newest(
        self, tenant: str, subject: CaptureSubject, count: int, before: str = ""
    ) -> Iterator[CapturedCall]:
        own = [each for each in self.calls if each.subject == subject]
        earlier = [each for each in reversed(own) if not before or each.id < before]
        yield from earlier[:count]


@dataclass
class _Writer:
    owner: FakeCaptures

    def put(self, tenant: str, call: CapturedCall, expires_at: datetime) -> None:
        if self.owner.failure is not None:
            raise self.owner.failure
        self.owner.calls.append(call)
        self.owner.expires.append(expires_at)
