"""The faults of one local cloud: they befall calls before a service is reached, and are counted."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from localcloud.calls import Visit
from localcloud.errors import AwsError
from localcloud.faults.quotas import Charge, Window, estimate
from localcloud.faults.rules import Fault, FaultsFile
from localcloud.metering import Used, metered

FILE = "faults.json"
_STREAMS = ("stream", "body", "Body")

T = TypeVar("T")


class FaultsUnreadable(Exception):  # noqa: N818 - named for what it tells
    """The file of faults cannot be read; the text says where and why."""


@dataclass(slots=True)
class _Active:
    """A fault with its counts: calls that fitted, were failed, made to wait, over a quota."""

    fault: Fault
    fitted: int = 0
    hit: int = 0
    failed: int = 0
    delayed: int = 0
    throttled: int = 0
    windows: dict[str, Window] = field(default_factory=dict)

    def shown(self) -> dict[str, Any]:
        counts = {
            name: getattr(self, name) for name in ("fitted", "failed", "delayed", "throttled")
        }
        return {**self.fault.model_dump(exclude_none=True), "counts": counts}


@dataclass(frozen=True, slots=True)
class _Befalls:
    """What one call has to bear."""

    wait_s: float
    error: AwsError | None
    after_events: int | None


class Faults:
    """Every fault that is set; safe from any thread. `now` gives seconds from any start."""

    def __init__(
        self,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Begin without faults."""
        self._now = now
        self._sleep = sleep
        self._guard = threading.Lock()
        self._active: dict[str, _Active] = {}

    def read(self, folder: Path) -> None:
        """Set the faults of `faults.json` in `folder`, if there is one.

        Raises FaultsUnreadable.
        """
        path = folder / FILE
        if not path.exists():
            return
        try:
            self.set(*FaultsFile.model_validate_json(path.read_bytes()).faults)
        except (OSError, ValidationError) as error:
            raise FaultsUnreadable(f"{path} cannot be read: {error}") from error

    def set(self, *faults: Fault) -> None:
        """Set `faults`, each in place of one of the same name, with its counts at nought."""
        with self._guard:
            self._active |= {fault.name: _Active(fault) for fault in faults}

    def clear(self, name: str | None = None) -> int:
        """Take away the fault called `name`, or all; return how many there were."""
        with self._guard:
            names = [name] if name is not None else list(self._active)
            return sum(self._active.pop(each, None) is not None for each in names)

    def shown(self) -> list[dict[str, Any]]:
        """Return every fault with its counts, in the order in which they were set."""
        with self._guard:
            return [active.shown() for active in self._active.values()]

    def around(self, visit: Visit, serve: Callable[[], T]) -> T:
        """Serve a call after what befalls it. Raises AwsError where that is an error."""
        charges: list[Charge] = []
        try:
            befalls = self._befalls(visit, charges)
        except AwsError:
            _refund(charges)
            raise
        for each in befalls:
            if each.wait_s:
                self._sleep(each.wait_s)
            if each.error is not None and each.after_events is None:
                _refund(charges)
                raise each.error
        try:
            result: Any = serve()
        except Exception:
            _refund(charges)
            raise
        for each in befalls:
            if each.error is not None:
                result = _broken_off(result, each.error, each.after_events or 0)
        if isinstance(result, Mapping) and charges:
            result = metered(result, _settling(charges))
        answered: T = result
        return answered

    def _befalls(self, visit: Visit, charges: list[Charge]) -> list[_Befalls]:
        with self._guard:
            if not self._active:
                return []
            fitting = [active for active in self._active.values() if active.fault.fits(visit)]
            for active in fitting:
                self._charge(active, visit, charges)
            return [found for active in fitting if (found := _drawn(active)) is not None]

    def _charge(self, active: _Active, visit: Visit, charges: list[Charge]) -> None:
        fault = active.fault
        if fault.requests_per_minute is None and fault.tokens_per_minute is None:
            return
        window = active.windows.setdefault(visit.model, Window(self._now))
        charge = window.take(
            fault.requests_per_minute, fault.tokens_per_minute, estimate(visit.params)
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


def _drawn(active: _Active) -> _Befalls | None:
    """Return what a call that fits has to bear, None where it is not hit."""
    fault = active.fault
    number = active.fitted
    active.fitted += 1
    error = fault.failure()
    spent = fault.times is not None and active.hit >= fault.times
    if (error is None and not fault.latency_ms) or spent or not fault.hits(number):
        return None
    active.hit += 1
    active.failed += error is not None
    active.delayed += fault.latency_ms > 0
    return _Befalls(fault.latency_ms / 1000, error, fault.after_events)


def _settling(charges: list[Charge]) -> Callable[[Used, AwsError | None], None]:
    def settle(used: Used, error: AwsError | None) -> None:
        for charge in charges:
            charge.tokens = used.tokens_in + used.tokens_out

    return settle


def _refund(charges: list[Charge]) -> None:
    """Count what no model answered as a request still, and as no tokens."""
    for charge in charges:
        charge.tokens = 0


def _broken_off(result: Any, error: AwsError, after: int) -> Any:
    """Return a streamed answer that fails after so many events; any other fails at once."""
    streams = [name for name in _STREAMS if _is_stream(result, name)]
    if not streams:
        raise error
    return {**result, streams[0]: _cut(result[streams[0]], error, after)}


def _is_stream(result: Any, name: str) -> bool:
    return isinstance(result, Mapping) and isinstance(result.get(name), Iterator)


def _cut(events: Iterator[Any], error: AwsError, after: int) -> Iterator[Any]:
    for number, event in enumerate(events):
        if number >= after:
            break
        yield event
    raise error
