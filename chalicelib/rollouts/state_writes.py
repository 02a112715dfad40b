"""Writes of a rollout's state, each on condition that nobody changed it meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.errors import Transient
from chalicelib.rollouts.transitions import pointer_of

if TYPE_CHECKING:
    from chalicelib.rollouts.records import PromotedVersion, RolloutRecords, RolloutState


def write_state(
    records: RolloutRecords,
    before: RolloutState,
    after: RolloutState,
    promoted: PromotedVersion | None = None,
) -> RolloutState:
    """Write the state that follows `before`, with its pointer and what it promotes.

    Returns:
        the state with its revision.

    Raises:
        Transient: the rollout was changed meanwhile.
    """
    written = after.model_copy(update={"revision": before.revision + 1})
    if not records.change(written, pointer_of(written), promoted):
        raise _changed(before)
    return written


def write_ended(records: RolloutRecords, before: RolloutState, after: RolloutState) -> RolloutState:
    """Write a later state of a rollout that has ended; return it with its revision.

    The pointer of its subject may be the next rollout's already, and stays as it is.

    Raises:
        Transient: the rollout was changed meanwhile.
    """
    written = after.model_copy(update={"revision": before.revision + 1})
    if not records.annotate(written):
        raise _changed(before)
    return written


def _changed(state: RolloutState) -> Transient:
    return Transient(f"The rollout {state.rollout.rollout_id} was changed meanwhile.")
