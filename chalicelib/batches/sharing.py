"""How the items of a round are shared out among children of the Map. Pure."""

from __future__ import annotations

THREADS = 8
"""Calls that one child makes at once. They wait for answers nearly all of their time."""
WRITERS = 2
"""Items more that a child holds: their outcomes are written while as many calls are made."""
IN_FLIGHT = THREADS + WRITERS
"""Calls of a child that were made and whose outcome is not written: what a kill may repeat."""
MOST_A_CHILD = 26 * THREADS
"""Whole turns: of calls that take alike, none is left to wait for alone."""
MOST_CHILDREN = 500
"""Children of a round: what all of them return is one state, which holds 256 KiB.
https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
"""


def items_a_child(items: int, concurrency: int) -> int:
    """Return how many of `items` a child is given, where `concurrency` children run at once.

    As few as keep all of them busy for four turns, so that one slow call holds up few others; but
    no fewer than it makes calls at once, and no more children than one state can tell of. As many
    children for each that runs, so that none runs alone in the end.
    """
    shared = -(-items // (concurrency * 4))
    bounded = min(max(shared, THREADS), MOST_A_CHILD)
    children = -(-items // bounded)
    if children > concurrency:
        children = -(-children // concurrency) * concurrency
    return max(1, -(-items // max(1, min(children, MOST_CHILDREN))))
