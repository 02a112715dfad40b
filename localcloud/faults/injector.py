"""The faults that are set: applied to matching calls before they reach a service, and counted."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from localcloud.errors import AwsError
from localcloud.faults.quotas import QuotaCharge, QuotaWindow, estimate_tokens
from localcloud.faults.rules import Fault, FaultsFile
from localcloud.model_usage import ModelUsage, meter
from localcloud.service import ServiceCall, T

FILE = "faults.json"
_STREAM_MEMBERS = ("stream", "body", "Body")


class FaultsFileError(Exception):
    """Raised when `faults.json` cannot be read; the message says where and why."""


@dataclass(slots=True)
class _ActiveFault:
    """A fault with its counts of calls: matched, hit, failed, delayed, over a quota."""

    fault: Fault
    fitted: int = 0
    hit: int = 0
    failed: int = 0
    delayed: int = 0
    throttled: int = 0
    windows: dict[str, QuotaWindow] = field(default_factory=dict)

    def describe(self) -> dict[str, Any]:
        counts = {
            name: getattr(self, name) for name in ("fitted", "failed", "delayed", "throttled")
        }
        return {**self.fault.model_dump(exclude_none=True), "counts": counts}


@dataclass(frozen=True, slots=True)
class _Effect:
    """The effect of a fault on one call: a delay, and an error at once or after some events."""

    delay_s: float
    error: AwsError | None
    after_events: int | None


class FaultInjector:
    """All faults that are set; safe from any thread."""

    def __init__(
        self,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Begin without faults."""
        self._monotonic = monotonic
        self._sleep = sleep
        self._lock = threading.Lock()
        self._active: dict[str, _ActiveFault] = {}

    def load(self, folder: Path) -> None:
        """Set the faults of `faults.json` in `folder`, if the file exists.

        Raises:
            FaultsFileError: The file cannot be read.
        """
        path = folder / FILE
        if not path.exists():
            return
        try:
            self.set(*FaultsFile.model_validate_json(path.read_bytes()).faults)
        except (OSError, ValidationError) as error:
            raise FaultsFileError(f"{path} cannot be read: {error}") from error

    def set(self, *faults: Fault) -> None:
        """Set `faults`, each in place of one of the same name, with its counts at zero."""
        with self._lock:
            self._active |= {fault.name: _ActiveFault(fault) for fault in faults}

    def clear(self, name: str | None = None) -> int:
        """Remove the fault called `name`, or all; return how many were removed."""
        with self._lock:
            names = [name] if name is not None else list(self._active)
            return sum(self._active.pop(each, None) is not None for each in names)

    def describe(self) -> list[dict[str, Any]]:
        """Return every fault with its counts, in the order in which they were set."""
        with self._lock:
            return [active.describe() for active in self._active.values()]

    def intercept(self, call: ServiceCall, serve: Callable[[], T]) -> T:
        """Serve a call after applying its faults. Raises the AwsError of a fault."""
        charges: list[QuotaCharge] = []
        try:
            effects = self._effects(call, charges)
        except AwsError:
            _refund(charges)
            raise
        for effect in effects:
            if effect.delay_s:
                self._sleep(effect.delay_s)
            if effect.error is not None and effect.after_events is None:
                _refund(charges)
                raise effect.error
        try:
            result: Any = serve()
        except Exception:
            _refund(charges)
            raise
        for effect in effects:
            if effect.error is not None:
                result = _fail_stream(result, effect.error, effect.after_events or 0)
        if isinstance(result, Mapping) and charges:
            result = meter(result, _settlement(charges))
        response: T = result
        return response

    def _effects(self, call: ServiceCall, charges: list[QuotaCharge]) -> list[_Effect]:
        with self._lock:
            if not self._active:
                return []
            matching = [active for active in self._active.values() if active.fault.matches(call)]
            for active in matching:
                self._charge_quota(active, call, charges)
            return [found for active in matching if (found := _draw_effect(active)) is not None]

    def _charge_quota(
        self, active: _ActiveFault, call: ServiceCall, charges: list[QuotaCharge]
    ) -> None:
        fault = active.fault
        if fault.requests_per_minute is None and fault.tokens_per_minute is None:
            return
        window = active.windows.setdefault(call.model, QuotaWindow(self._monotonic))
        charge = window.charge(
            fault.requests_per_minute, fault.tokens_per_minute, estimate_tokens(call.params)
        )
        if charge is None:
            active.fitted += 1
            active.throttled += 1
            raise AwsError(
                "ThrottlingException",
                "Too many requests, please wait before trying again."
                f" (The quota {fault.name!r} of the local cloud.)",
                429,
            )
        charges.append(charge)


def _draw_effect(active: _ActiveFault) -> _Effect | None:
    """Count a matching call and return the fault's effect on it, None if it is not hit."""
    fault = active.fault
    number = active.fitted
    active.fitted += 1
    error = fault.aws_error()
    is_spent = fault.times is not None and active.hit >= fault.times
    if (error is None and not fault.latency_ms) or is_spent or not fault.hits(number):
        return None
    active.hit += 1
    active.failed += error is not None
    active.delayed += fault.latency_ms > 0
    return _Effect(fault.latency_ms / 1000, error, fault.after_events)


def _settlement(charges: list[QuotaCharge]) -> Callable[[ModelUsage, AwsError | None], None]:
    def settle(usage: ModelUsage, error: AwsError | None) -> None:
        for charge in charges:
            charge.tokens = usage.tokens_in + usage.tokens_out

    return settle


def _refund(charges: list[QuotaCharge]) -> None:
    """Charge no tokens for a request that no model answered; the request itself still counts."""
    for charge in charges:
        charge.tokens = 0


def _fail_stream(result: Any, error: AwsError, after_events: int) -> Any:
    """Return a streamed result that fails after some events; any other fails at once."""
    streams = [name for name in _STREAM_MEMBERS if _is_stream(result, name)]
    if not streams:
        raise error
    return {**result, streams[0]: _cut_off(result[streams[0]], error, after_events)}


def _is_stream(result: Any, name: str) -> bool:
    return isinstance(result, Mapping) and isinstance(result.get(name), Iterator)


def _cut_off(events: Iterator[Any], error: AwsError, after_events: int) -> Iterator[Any]:
    for number, event in enumerate(events):
        if number >= after_events:
            break
        yield event
    raise error
