"""Tasks: made, filled with items, closed, summed up, exported and removed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain

from chalicelib.contracts.label_results import (
    Disagreement,
    DisagreementList,
    ExportedLabel,
    LabelExportPage,
    LabellingProgress,
)
from chalicelib.contracts.labelling import (
    AddedLabellingItems,
    ExtractionItem,
    ImageItem,
    LabellingItem,
    LabellingTask,
    LabellingTerms,
    TaskStatus,
)
from chalicelib.errors import Conflict, InvalidInput, NotFound
from chalicelib.labelling.exports import LabelledItem, exported, require_format
from chalicelib.labelling.queue import existing_task, is_json_object, item_id_of
from chalicelib.labelling.records import ItemState, LabelRecords
from chalicelib.labelling.results import decision, given_labels, progress

MAX_LOOKED_AT = 500
"""States that a page of disagreements reads."""


@dataclass(frozen=True, slots=True)
class LabellingTasks:
    """The tasks of all tenants. `new_id` returns a ULID."""

    records: LabelRecords
    now: Callable[[], datetime]
    new_id: Callable[[], str]

    def create(self, tenant: str, terms: LabellingTerms) -> LabellingTask:
        """Make a task without items. Raises `Conflict` if the tenant is being removed."""
        now = self.now()
        task = LabellingTask(
            **terms.model_dump(),
            task_id=f"lt_{self.new_id()}",
            created_at=now,
            expires_at=now + timedelta(days=terms.retention_days),
        )
        self.records.create(tenant, task)
        return task

    def task(self, tenant: str, task_id: str) -> LabellingTask:
        """Return a task; raise `NotFound`."""
        return existing_task(self.records, tenant, task_id)

    def set_status(self, tenant: str, task_id: str, status: TaskStatus) -> LabellingTask:
        """Open or close a task; raise `NotFound`."""
        self.task(tenant, task_id)
        changed = self.records.set_status(tenant, task_id, status)
        if changed is None:
            raise Conflict("The task is being removed.", field="task_id")
        return changed

    def add(self, tenant: str, task_id: str, items: Sequence[LabellingItem]) -> AddedLabellingItems:
        """Add items to a task that is open.

        Raises:
            NotFound: the tenant does not have the document of an item.
            InvalidInput: an item is not of the task's kind, has an unknown gold label, or an id
                that another of them has; nothing is added.
            Conflict: the task is not open, or an id is taken by another content.
            QuotaExceeded: the task would have too many items.
        """
        task = self.task(tenant, task_id)
        if task.status != "open":
            raise Conflict(f"The task is {task.status}; open it to add items.", field="task_id")
        by_id: dict[str, LabellingItem] = {}
        for at, item in enumerate(items):
            self._check(task, item, at)
            item_id = item_id_of(task_id, item.id)
            if item_id in by_id:
                raise InvalidInput(f"Two items have the id {item.id}.", field=f"items.{at}.id")
            by_id[item_id] = item
        self._require_documents(tenant, items)
        return self.records.add_items(tenant, task, by_id)

    def progress(self, tenant: str, task_id: str) -> LabellingProgress:
        """Return how far a task is, and how well its reviewers agree; raise `NotFound`."""
        task = self.task(tenant, task_id)
        ordinary = chain.from_iterable(
            self.records.states(tenant, task_id, part) for part in ("OPEN", "DONE")
        )
        # An item that is done between the two reads would count twice.
        states = {state.item_id: state for state in ordinary}
        return progress(task, states.values(), self.records.states(tenant, task_id, "GOLD"))

    def disagreements(
        self, tenant: str, task_id: str, after: str, limit: int
    ) -> tuple[DisagreementList, str]:
        """Return items that need an adjudication, and the last id if there may be more."""
        task = self.task(tenant, task_id)
        found: list[ItemState] = []
        last = ""
        for looked_at, state in enumerate(self.records.states(tenant, task_id, "DONE", after)):
            if len(found) == limit or looked_at == MAX_LOOKED_AT:
                break
            last = state.item_id
            if decision(state, task.reviews) is None:
                found.append(state)
        else:
            last = ""
        items = [
            Disagreement(
                item_id=each.state.item_id,
                item=each.item,
                given=given_labels(each.state, each.texts),
            )
            for each in self._with_content(tenant, task_id, found)
        ]
        return DisagreementList(items=tuple(items), next_cursor=None), last

    def export(
        self, tenant: str, task_id: str, wanted: str | None, after: str, limit: int
    ) -> tuple[LabelExportPage, str]:
        """Return decided items, and the last id if there are more.

        Raises:
            NotFound: there is no such task.
            InvalidInput: tasks of this kind have no such format.
        """
        task = self.task(tenant, task_id)
        chosen = require_format(task, wanted)
        states: list[ItemState] = []
        last = ""
        for state in self.records.states(tenant, task_id, "DONE", after, limit + 1):
            if len(states) == limit:
                last = states[-1].item_id
                break
            states.append(state)
        rows: list[ExportedLabel] = []
        left_out: dict[str, int] = {}
        for each in self._with_content(tenant, task_id, states):
            row = exported(task, each, chosen)
            if isinstance(row, str):
                left_out[row] = left_out.get(row, 0) + 1
            else:
                rows.append(row)
        page = LabelExportPage(
            format=chosen, items=tuple(rows), left_out=left_out, next_cursor=None
        )
        return page, last

    def remove(self, tenant: str, task_id: str) -> None:
        """Remove a task with its items and labels; raise `NotFound`. May be repeated."""
        self.task(tenant, task_id)
        self.records.set_status(tenant, task_id, "removing")
        self.records.remove(tenant, task_id)

    def _with_content(
        self, tenant: str, task_id: str, states: Sequence[ItemState]
    ) -> list[LabelledItem]:
        items = self.records.items(tenant, task_id, [state.item_id for state in states])
        claims = [
            (state.item_id, each.claim_id)
            for state in states
            for each in state.assignments
            if each.has_text
        ]
        texts = self.records.texts(tenant, task_id, claims)
        return [
            LabelledItem(items[state.item_id], state, texts)
            for state in states
            if state.item_id in items
        ]

    def _require_documents(self, tenant: str, items: Sequence[LabellingItem]) -> None:
        named = {
            item.document_id: at
            for at, item in enumerate(items)
            if isinstance(item, ImageItem | ExtractionItem) and item.document_id is not None
        }
        missing = sorted(named.keys() - self.records.known_documents(tenant, named.keys()))
        if missing:
            raise NotFound(
                f"There is no document {missing[0]}; upload it before people look at it.",
                field=f"items.{named[missing[0]]}.document_id",
            )

    def _check(self, task: LabellingTask, item: LabellingItem, at: int) -> None:
        if item.type != task.kind:
            raise InvalidInput(
                f"The task has items of the kind {task.kind}, and item {item.id} is of the kind "
                f"{item.type}.",
                field=f"items.{at}.type",
                limit=task.kind,
            )
        if item.gold is not None and item.gold not in task.choices:
            listed = ", ".join(task.choices)
            raise InvalidInput(
                f"Item {item.id} has the gold label {item.gold!r}; the labels are {listed}.",
                field=f"items.{at}.gold",
                limit=listed,
            )
        if isinstance(item, ExtractionItem) and not is_json_object(item.values):
            raise InvalidInput(
                f"The values of item {item.id} are not a JSON object, written as a text.",
                field=f"items.{at}.values",
            )
