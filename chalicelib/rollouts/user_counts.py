"""How many calls of each end user a stage has counted, in bounded space. Pure.

Calls of one end user are alike, and all in one arm. A busy end user would make differences between
end users look like differences between versions. So a stage counts few calls of each, and latency
and cost, which depend most on what somebody asks, of the first call alone. Which calls are counted
does not depend on how they went, so the tests stay valid.
"""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chalicelib.contracts.rollouts import CallMetrics

MAX_USER_CALLS = 5
"""Calls of an end user that a stage counts."""
_CELLS = 4_096
"""End users who share a cell share its calls; of each arm a stage counts 20,480 at most."""
_ARMS = ("live", "candidate")


@dataclass(frozen=True, slots=True)
class UserCounts:
    """Counted calls by arm and cell of end users."""

    cells: bytearray

    @classmethod
    def read(cls, text: str) -> UserCounts:
        """Return the counts in `text`, as `text` wrote them; none for ""."""
        if not text:
            return cls(bytearray(_CELLS * len(_ARMS)))
        return cls(bytearray(zlib.decompress(base64.b85decode(text))))

    def text(self) -> str:
        """Return the counts as text of some KB at most."""
        return base64.b85encode(zlib.compress(bytes(self.cells))).decode()

    def take(self, calls: Iterable[CallMetrics]) -> list[CallMetrics]:
        """Count calls, and return what a stage uses of them.

        A call whose end user is not known is taken as one of its own.
        """
        taken = []
        for call in calls:
            before = self._count(call) if call.end_user else 0
            if before >= MAX_USER_CALLS:
                continue
            if before:
                call = call.model_copy(update={"latency_ms": None, "nanodollars": None})
            taken.append(call)
        return taken

    def _count(self, call: CallMetrics) -> int:
        """Return how many calls of an end user's cell were counted, and count one more."""
        digest = hashlib.sha256(call.end_user.encode()).digest()
        cell = int.from_bytes(digest[:4], "big") % _CELLS + _CELLS * _ARMS.index(call.arm)
        before = self.cells[cell]
        self.cells[cell] = min(before + 1, MAX_USER_CALLS)
        return before
