"""Labelling in memory, with the conditions of the records table."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from chalicelib.contracts.labelling import (
    MAX_ITEMS_A_TASK,
    AddedLabellingItems,
    LabellingItem,
    LabellingTask,
    LabellingTerms,
    PairItem,
    TaskStatus,
)
from chalicelib.errors import Conflict, QuotaExceeded
from chalicelib.jobs.ulids import ulid
from chalicelib.labelling.queue import LabellingQueue
from chalicelib.labelling.records import (
    ItemState,
    LabelRecords,
    LabelText,
    ReviewerState,
    StateChange,
    StatePart,
)
from chalicelib.labelling.tasks import LabellingTasks

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
TENANT = "acme"


@dataclass
class FakeLabels:
    """Stores everything of one tenant."""

    kept_tasks: dict[str, LabellingTask] = field(default_factory=dict)
    kept_items: dict[tuple[str, str], LabellingItem] = field(default_factory=dict)
    kept_states: dict[tuple[str, str], ItemState] = field(default_factory=dict)
    kept_texts: dict[str, LabelText] = field(default_factory=dict)
    reviewers: dict[tuple[str, str], ReviewerState] = field(default_factory=dict)
    documents: frozenset[str] = frozenset()

    def create(self, tenant: str, task: LabellingTask) -> None:
        self.kept_tasks[task.task_id] = task

    def task(self, tenant: str, task_id: str) -> LabellingTask | None:
        return self.kept_tasks.get(task_id) if tenant == TENANT else None

    def tasks(self, tenant: str, after: str) -> Iterator[LabellingTask]:
        for task_id in sorted(self.kept_tasks, reverse=True):
            if not after or task_id < after:
                yield self.kept_tasks[task_id]

    def set_status(self, tenant: str, task_id: str, status: TaskStatus) -> LabellingTask | None:
        task = self.kept_tasks[task_id]
        if task.status == "removing":
            return None
        self.kept_tasks[task_id] = task.model_copy(update={"status": status})
        return self.kept_tasks[task_id]

    def add_items(
        self, tenant: str, task: LabellingTask, items: Mapping[str, LabellingItem]
    ) -> AddedLabellingItems:
        known = self.items(tenant, task.task_id, list(items))
        if any(items[each] != item for each, item in known.items()):
            raise Conflict("other content", field="id")
        new = {each: item for each, item in items.items() if each not in known}
        if task.items + len(new) > MAX_ITEMS_A_TASK:
            raise QuotaExceeded("too many", limit=str(MAX_ITEMS_A_TASK))
        for item_id, item in new.items():
            self.kept_items[task.task_id, item_id] = item
            state = ItemState(item_id=item_id, gold=item.gold or "")
            self.kept_states[task.task_id, item_id] = state
        gold = sum(item.gold is not None for item in new.values())
        counts = {"items": task.items + len(new), "gold_items": task.gold_items + gold}
        self.kept_tasks[task.task_id] = task.model_copy(update=counts)
        return AddedLabellingItems(added=len(new), known=len(known))

    def known_documents(self, tenant: str, document_ids: Collection[str]) -> frozenset[str]:
        return self.documents & frozenset(document_ids)

    def state(self, tenant: str, task_id: str, item_id: str) -> ItemState | None:
        return self.kept_states.get((task_id, item_id))

    def states(
        self, tenant: str, task_id: str, part: StatePart, after: str = "", page: int = 0
    ) -> Iterator[ItemState]:
        for (task, item_id), state in sorted(self.kept_states.items()):
            if task == task_id and state.part == part and item_id > after:
                yield state

    def items(
        self, tenant: str, task_id: str, item_ids: Sequence[str]
    ) -> Mapping[str, LabellingItem]:
        found = {each: self.kept_items.get((task_id, each)) for each in item_ids}
        return {each: item for each, item in found.items() if item is not None}

    def texts(
        self, tenant: str, task_id: str, claims: Sequence[tuple[str, str]]
    ) -> Mapping[str, LabelText]:
        return {claim: self.kept_texts[claim] for _, claim in claims}

    def reviewer(self, tenant: str, task_id: str, reviewer: str) -> ReviewerState:
        return self.reviewers.get((task_id, reviewer), ReviewerState(reviewer=reviewer))

    def change(self, tenant: str, task: LabellingTask, change: StateChange) -> bool:
        key = (task.task_id, change.after.item_id)
        if self.kept_states[key].revision != change.before.revision:
            return False
        if change.reviewer is not None:
            before, after = change.reviewer
            if self.reviewer(tenant, task.task_id, after.reviewer).revision != before.revision:
                return False
            self.reviewers[task.task_id, after.reviewer] = after
        self.kept_states[key] = change.after
        self.kept_texts |= change.texts
        return True

    def remove(self, tenant: str, task_id: str) -> None:
        del self.kept_tasks[task_id]
        for kept in (self.kept_items, self.kept_states, self.reviewers):
            for key in [key for key in kept if key[0] == task_id]:
                del kept[key]


@dataclass
class Desk:
    """A queue and its tasks on `records`, with a clock that the test moves."""

    records: LabelRecords = field(default_factory=FakeLabels)
    now: datetime = NOW

    def __post_init__(self) -> None:
        ids = ulids()
        self.tasks = LabellingTasks(self.records, lambda: self.now, ids)
        self.queue = LabellingQueue(self.records, lambda: self.now, ids, lambda attempt: None)

    def wait(self, minutes: float) -> None:
        """Let time pass."""
        self.now += timedelta(minutes=minutes)


def ulids() -> Callable[[], str]:
    """Return what makes ULIDs, the same ones in each run."""
    made = iter(range(1_000_000))
    return lambda: ulid(NOW, next(made))


def terms(**fields: Any) -> LabellingTerms:
    """Return the terms of a task of pairs, but for `fields`."""
    values = {"name": "Which reads better", "kind": "pair", "guidelines": "Prefer the plain one."}
    return LabellingTerms.model_validate(values | fields)


def pairs(count: int, gold: int = 0) -> list[LabellingItem]:
    """Return pairs whose side a is the better one, the last `gold` of them gold items."""
    return [
        PairItem(
            type="pair",
            id=f"pair-{n}",
            prompt=f"Prompt {n}?",
            a=f"Good {n}.",
            b=f"Bad {n}.",
            gold="a" if n >= count else None,
        )
        for n in range(count + gold)
    ]
