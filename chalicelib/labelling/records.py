"""What is stored of labelling, and the store that keeps it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from pydantic import AwareDatetime, Field

from chalicelib.contracts.base import Contract
from chalicelib.contracts.labelling import (
    AddedLabellingItems,
    LabellingItem,
    LabellingTask,
    TaskStatus,
)

StatePart = Literal["OPEN", "GOLD", "DONE"]
"""Where the state of an item is: open to claims, gold and so always open, or done."""
AssignmentStatus = Literal["claimed", "labelled", "skipped"]


class Assignment(Contract):
    """An item in the hands of one reviewer. `label` is of the item's sides, not of positions."""

    claim_id: str
    reviewer: str
    swapped: bool = False
    status: AssignmentStatus = "claimed"
    claimed_at: AwareDatetime
    expires_at: AwareDatetime
    label: str = ""
    skipped: str = ""
    late: bool = False
    ended_at: AwareDatetime | None = None
    has_text: bool = False
    """Whether a correction or a comment is stored beside it."""


class Adjudication(Contract):
    """The label that somebody decided on, whatever the reviewers said."""

    label: str
    reviewer: str
    at: AwareDatetime
    correction: str = ""
    comment: str = ""


class ItemState(Contract):
    """What became of an item so far. `revision` counts its changes."""

    item_id: str
    gold: str = ""
    assignments: tuple[Assignment, ...] = ()
    adjudication: Adjudication | None = None
    done: bool = False
    revision: int = Field(default=0, exclude=True)

    @property
    def part(self) -> StatePart:
        """Return where the state is stored."""
        if self.gold:
            return "GOLD"
        return "DONE" if self.done else "OPEN"


class ReviewerState(Contract):
    """How many items a reviewer has claimed in a task, and the last claim."""

    reviewer: str
    claims: int = 0
    item_id: str = ""
    claim_id: str = ""
    revision: int = Field(default=0, exclude=True)


@dataclass(frozen=True, slots=True)
class LabelText:
    """The correction and the comment that go with a label."""

    correction: str = ""
    comment: str = ""


@dataclass(frozen=True, slots=True)
class StateChange:
    """A change of an item's state; with `reviewer`, that of the reviewer's in the same write."""

    before: ItemState
    after: ItemState
    reviewer: tuple[ReviewerState, ReviewerState] | None = None
    texts: Mapping[str, LabelText] = field(default_factory=dict)
    """New texts by claim."""


class LabelRecords(Protocol):
    """Stores tasks, items, their states and reviewers, by tenant."""

    def create(self, tenant: str, task: LabellingTask) -> None:
        """Store a new task; raise `Conflict` if the tenant is being removed."""

    def task(self, tenant: str, task_id: str) -> LabellingTask | None:
        """Return a task, or None."""

    def tasks(self, tenant: str, after: str) -> Iterator[LabellingTask]:
        """Yield tasks, newest first, those before the id `after` ("" for all)."""

    def set_status(self, tenant: str, task_id: str, status: TaskStatus) -> LabellingTask | None:
        """Change the status; return the task, None if it is gone or being removed."""

    def add_items(
        self, tenant: str, task: LabellingTask, items: Mapping[str, LabellingItem]
    ) -> AddedLabellingItems:
        """Store items by their ids; those that are there stay.

        Raises:
            Conflict: one of them is there with other content, or the task is closed.
            QuotaExceeded: the task would have too many items.
        """

    def known_documents(self, tenant: str, document_ids: Collection[str]) -> frozenset[str]:
        """Return those of the documents that the tenant has."""

    def state(self, tenant: str, task_id: str, item_id: str) -> ItemState | None:
        """Return the state of an item, or None."""

    def states(
        self, tenant: str, task_id: str, part: StatePart, after: str = "", page: int = 0
    ) -> Iterator[ItemState]:
        """Yield states by item id, those behind the id `after`; `page` are read at a time."""

    def items(
        self, tenant: str, task_id: str, item_ids: Sequence[str]
    ) -> Mapping[str, LabellingItem]:
        """Return the items that exist, by id."""

    def texts(
        self, tenant: str, task_id: str, claims: Sequence[tuple[str, str]]
    ) -> Mapping[str, LabelText]:
        """Return the texts of claims, each an item id and a claim id, by claim id."""

    def reviewer(self, tenant: str, task_id: str, reviewer: str) -> ReviewerState:
        """Return a reviewer's state, an empty one if there is none."""

    def change(self, tenant: str, task: LabellingTask, change: StateChange) -> bool:
        """Make a change; return False, with nothing written, if either state has changed."""

    def remove(self, tenant: str, task_id: str) -> None:
        """Remove a task and all that belongs to it; may be repeated."""
