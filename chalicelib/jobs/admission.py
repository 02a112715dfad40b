"""Admission: no more ingests at once than the stage allows; what is too much comes again."""

from __future__ import annotations

FIRST_DELAY_SECONDS = 2
MAX_DELAY_SECONDS = 20
GROWTH = 1.5


def delay_seconds(deferrals: int, chance: float) -> int:
    """Return after how many whole seconds a message deferred `deferrals` times comes again.

    The ceiling grows by half with each deferral, up to 20 s: longer, and places stand empty
    while their takers sleep; shorter, and a long backlog pays for asking. `chance` in [0, 1)
    picks a point in its upper half, so that what was refused together does not return together.
    """
    ceiling = min(MAX_DELAY_SECONDS, FIRST_DELAY_SECONDS * GROWTH ** min(deferrals, 10))
    return max(1, round(ceiling * (0.5 + chance / 2)))
