"""Claims: which item a reviewer may take, and what ends a claim. Pure.

An item has as many places as the task wants reviews. A label takes one for good, and a claim until
it expires. An expired claim keeps its place until another reviewer needs it: so a late label counts
where nobody came meanwhile, and is refused where somebody did, and an item never has more labels
than it has places.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from chalicelib.contracts.labelling import POSITIONS, SIDES, LabellingTerms
from chalicelib.errors import Conflict, InvalidInput
from chalicelib.labelling.records import Assignment, ItemState

MAX_GOLD_ASSIGNMENTS = 1_000
"""Reviewers of one gold item: its state is one item of the table."""
_HASH_RANGE = 2**64


def can_claim(state: ItemState, terms: LabellingTerms, reviewer: str, now: datetime) -> bool:
    """Return whether the reviewer may take the item now."""
    own = [each for each in state.assignments if each.reviewer == reviewer]
    if state.done or any(not _is_expired(each, now) for each in own):
        return False
    if state.gold:
        return len(state.assignments) < MAX_GOLD_ASSIGNMENTS
    taken = sum(
        each.status != "skipped" and not _is_expired(each, now) for each in state.assignments
    )
    return taken < terms.reviews


def claim(
    state: ItemState, terms: LabellingTerms, reviewer: str, claim_id: str, now: datetime
) -> ItemState:
    """Return the state with a new claim of a reviewer who may have one.

    The reviewer's own expired claim makes way, and else the one that expired first, if the item has
    no other place.
    """
    others = [each for each in state.assignments if each.reviewer != reviewer]
    holding = [each for each in others if each.status != "skipped"]
    if not state.gold and len(holding) >= terms.reviews:
        expired = [each for each in holding if _is_expired(each, now)]
        others.remove(min(expired, key=lambda each: (each.expires_at, each.claim_id)))
    added = Assignment(
        claim_id=claim_id,
        reviewer=reviewer,
        swapped=terms.kind == "pair" and _swaps(state.item_id, others),
        claimed_at=now,
        expires_at=now + timedelta(minutes=terms.claim_minutes),
    )
    return _next(state, (*others, added), terms)


def submit(
    state: ItemState, terms: LabellingTerms, given: Assignment, label: str, now: datetime
) -> ItemState:
    """Return the state with a label at the claim `given`, as the reviewer saw the choices.

    Raises:
        InvalidInput: the task has no such label.
        Conflict: the claim has ended otherwise.
    """
    chosen = side_of(label, given, terms)
    if given.status != "claimed":
        if given.status == "labelled" and given.label == chosen:
            return state
        raise Conflict("The claim has ended; its label stays as it was given.", field="claim_id")
    ended = _ended(given, now).model_copy(update={"status": "labelled", "label": chosen})
    return _replaced(state, terms, ended)


def skip(
    state: ItemState, terms: LabellingTerms, given: Assignment, reason: str, now: datetime
) -> ItemState:
    """Return the state with the claim `given` skipped. Raises `Conflict` if it has ended."""
    if given.status != "claimed":
        if given.skipped == reason:
            return state
        raise Conflict("The claim has ended.", field="claim_id")
    ended = _ended(given, now).model_copy(update={"status": "skipped", "skipped": reason})
    return _replaced(state, terms, ended)


def existing_claim(state: ItemState, claim_id: str, reviewer: str) -> Assignment:
    """Return the claim of a reviewer. Raises `Conflict` if its place was given to another."""
    for each in state.assignments:
        if each.claim_id == claim_id and each.reviewer == reviewer:
            return each
    raise Conflict(
        "This reviewer has no such claim. If there was one, it expired, and its place was given to "
        "another reviewer: take the next item.",
        field="claim_id",
    )


def choices_shown(terms: LabellingTerms) -> tuple[str, ...]:
    """Return the labels to choose from: of a pair its positions, which say nothing of its sides."""
    if terms.kind != "pair":
        return terms.choices
    return (*POSITIONS, *terms.choices[len(SIDES) :])


def side_of(label: str, given: Assignment, terms: LabellingTerms) -> str:
    """Return the label of the item for the label that its reviewer chose. Raises `InvalidInput`."""
    shown = choices_shown(terms)
    if label not in shown:
        listed = ", ".join(shown)
        raise InvalidInput(
            f"There is no label {label!r}; the labels are {listed}.", field="label", limit=listed
        )
    if label not in POSITIONS or terms.kind != "pair":
        return label
    return SIDES[POSITIONS.index(label) ^ given.swapped]


def is_gold_turn(task_id: str, reviewer: str, claims: int, share: float) -> bool:
    """Return whether the reviewer's next item is a gold one: by chance, but always the same."""
    return _fraction(f"{task_id}/{reviewer}/{claims}") < share


def _swaps(item_id: str, others: list[Assignment]) -> bool:
    """Return whether side b is first: the order that fewer reviewers saw, at first by the id."""
    seen = [each.swapped for each in others if each.status != "skipped"]
    swapped = sum(seen)
    if 2 * swapped != len(seen):
        return 2 * swapped < len(seen)
    return _fraction(item_id) < 0.5


def _fraction(text: str) -> float:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") / _HASH_RANGE


def _is_expired(given: Assignment, now: datetime) -> bool:
    return given.status == "claimed" and given.expires_at <= now


def _ended(given: Assignment, now: datetime) -> Assignment:
    return given.model_copy(update={"ended_at": now, "late": given.expires_at <= now})


def _replaced(state: ItemState, terms: LabellingTerms, ended: Assignment) -> ItemState:
    kept = tuple(ended if each.claim_id == ended.claim_id else each for each in state.assignments)
    return _next(state, kept, terms)


def _next(
    state: ItemState, assignments: tuple[Assignment, ...], terms: LabellingTerms
) -> ItemState:
    labelled = sum(each.status == "labelled" for each in assignments)
    skipped = sum(each.status == "skipped" for each in assignments)
    done = state.done or labelled >= terms.reviews or skipped >= terms.max_skips
    update = {
        "assignments": assignments,
        "done": done and not state.gold,
        "revision": state.revision + 1,
    }
    return state.model_copy(update=update)
