"""How often the tests that try again and again do so: a part by default, all of it by `make soak`.

A part is enough to see that something broke; the whole is for what breaks once in twenty times.
"""

from __future__ import annotations

import os

VARIABLE = "HEADRACE_SOAK"
WHOLE = os.environ.get(VARIABLE) == "1"


def often(whole: int, part: int) -> int:
    """Return `whole` in a soak, else `part`."""
    return whole if WHOLE else part
