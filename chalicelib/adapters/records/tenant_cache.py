"""A cache of a value by tenant, for processes that make many calls for few tenants."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

_Value = TypeVar("_Value")


class TenantCache(Generic[_Value]):
    """A cache of the last `tenants`' values, each read again once it is `seconds` old."""

    def __init__(
        self,
        read: Callable[[str], _Value],
        clock: Callable[[], float],
        seconds: float,
        tenants: int = 1,
    ) -> None:
        self._read = read
        self._clock = clock
        self._seconds = seconds
        self._tenants = tenants
        self._kept: OrderedDict[str, tuple[float, _Value]] = OrderedDict()
        self._lock = threading.Lock()

    def __call__(self, tenant: str) -> _Value:
        """Return what is known of the tenant. Raises as its source."""
        with self._lock:
            kept = self._kept.get(tenant)
            if kept is not None and self._clock() - kept[0] < self._seconds:
                return kept[1]
            value = self._read(tenant)
            self._kept[tenant] = (self._clock(), value)
            self._kept.move_to_end(tenant)
            if len(self._kept) > self._tenants:
                self._kept.popitem(last=False)
            return value
