"""Which arm of a rollout an end user is in. Pure.

The position of an end user is uniform, the same at every call, and unrelated to that in any other
rollout. It does not depend on the share: who meets the candidate at 5 % meets it at 25 % too.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chalicelib.contracts.rollouts import Arm

_POSITION_BYTES = 6
_POSITIONS = 2.0 ** (8 * _POSITION_BYTES)


def end_user_position(salt: str, tenant: str, caller: str) -> float:
    """Return where an end user stands among all of a rollout.

    Args:
        salt: The salt of the rollout's pointer.
        tenant: The tenant.
        caller: Who calls, as `Spender.caller` names them.

    Returns:
        A number, at least 0 and below 1.
    """
    digest = hashlib.sha256("\n".join((salt, tenant, caller)).encode()).digest()
    return int.from_bytes(digest[:_POSITION_BYTES], "big") / _POSITIONS


def assign_arm(share: float, position: float) -> Arm:
    """Return the arm of the end user at `position`, if `share` percent meet the candidate."""
    return "candidate" if 100 * position < share else "live"
