"""What a job prints: lines for the log, and metrics by the patterns of its definitions."""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Callable, Mapping, Sequence

from localcloud.clock import Clock


class Meter:
    """Reads the last value of each metric out of lines. Safe from any thread."""

    def __init__(self, definitions: Sequence[Mapping[str, str]], clock: Clock) -> None:
        """Read by MetricDefinitions; `clock` tells when."""
        self._patterns = {each["Name"]: re.compile(each["Regex"]) for each in definitions}
        self._clock = clock
        self._found: dict[str, tuple[float, float]] = {}
        self._guard = threading.Lock()

    def read(self, line: str) -> None:
        """Take a line; what its pattern finds that is no number is passed over."""
        for name, pattern in self._patterns.items():
            values = [match.group(1) for match in pattern.finditer(line) if match.groups()]
            if values and (value := _number(values[-1])) is not None:
                with self._guard:
                    self._found[name] = (value, self._clock())

    def last(self) -> dict[str, list[float]]:
        """Return the last value of each metric and when it came."""
        with self._guard:
            return {name: list(found) for name, found in self._found.items()}


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


class Cutter:
    """Cuts raw output into lines for `say`; the end of what was printed is a line, too."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._partial = b""
        self._guard = threading.Lock()

    def feed(self, output: bytes) -> None:
        """Take what was printed."""
        with self._guard:
            *whole, self._partial = (self._partial + output).split(b"\n")
        for line in whole:
            self._say(line.decode("utf-8", "replace"))

    def end(self) -> None:
        """Take the end of it."""
        with self._guard:
            rest, self._partial = self._partial, b""
        if rest:
            self._say(rest.decode("utf-8", "replace"))
