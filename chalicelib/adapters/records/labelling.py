"""Labelling in the records table.

    TENANT#<tenant>   LABEL#TASK#<task>                    a task, and how many items it has
    TENANT#<tenant>   LABEL#<task>#ITEM#<item>             an item, which stays as it is
    TENANT#<tenant>   LABEL#<task>#OPEN#<item>             its state while it can be claimed,
    TENANT#<tenant>   LABEL#<task>#DONE#<item>             once it has its labels,
    TENANT#<tenant>   LABEL#<task>#GOLD#<item>             or always, of a gold item
    TENANT#<tenant>   LABEL#<task>#TEXT#<item>#<claim>     a correction and a comment
    TENANT#<tenant>   LABEL#<task>#REVIEWER#<reviewer>     a reviewer's last claim

All of a task expire with it. A state moves from OPEN to DONE in one transaction, so that whoever
looks for something to label reads no more than what is left.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from pydantic import TypeAdapter

from chalicelib.adapters.dynamodb import (
    Delete,
    DynamoTable,
    Item,
    Key,
    Put,
    TransactionRefused,
    Update,
    Value,
    Write,
    WriteCondition,
)
from chalicelib.adapters.records.writes import ABSENT, document_key, tenant_pk, tenant_stays
from chalicelib.contracts.labelling import (
    MAX_ITEMS_A_TASK,
    AddedLabellingItems,
    LabellingItem,
    LabellingTask,
    TaskStatus,
)
from chalicelib.errors import Conflict, QuotaExceeded
from chalicelib.labelling.records import (
    ItemState,
    LabelText,
    ReviewerState,
    StateChange,
    StatePart,
)

_TASK = "LABEL#TASK#"
_ITEMS_A_WRITE = 25
"""Items of one transaction: with their states, within its 4 MB and 100 writes.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
"""
_DELETES_A_WRITE = 100
_UPDATED = frozenset(("status", "items", "gold_items"))
"""Fields of a task that change, each an attribute of its record."""
_item_adapter: TypeAdapter[LabellingItem] = TypeAdapter(LabellingItem)


class LabelTable:
    """Stores tasks, items, their states and reviewers, by tenant."""

    def __init__(self, table: DynamoTable) -> None:
        self._table = table

    def create(self, tenant: str, task: LabellingTask) -> None:
        """Store a new task; raise `Conflict` if the tenant is being removed."""
        pk, sk = _task_key(tenant, task.task_id)
        item: dict[str, Value] = {
            "pk": pk,
            "sk": sk,
            "task": task.model_dump_json(exclude=set(_UPDATED)),
            "status": task.status,
            "items": task.items,
            "gold_items": task.gold_items,
            "expires_at": _expiry(task),
        }
        try:
            self._table.transact([Put(item, ABSENT), tenant_stays(tenant)])
        except TransactionRefused as error:
            raise Conflict("The tenant is being removed.", field="tenant") from error

    def task(self, tenant: str, task_id: str) -> LabellingTask | None:
        """Return a task, or None."""
        item = self._table.get(_task_key(tenant, task_id))
        return None if item is None else _task(item)

    def tasks(self, tenant: str, after: str) -> Iterator[LabellingTask]:
        """Yield tasks, newest first, those before the id `after` ("" for all)."""
        start = _TASK + after if after else ""
        for item in self._table.query(tenant_pk(tenant), _TASK, after=start, newest_first=True):
            yield _task(item)

    def set_status(self, tenant: str, task_id: str, status: TaskStatus) -> LabellingTask | None:
        """Change the status; return the task, None if it is gone or being removed."""
        changed = self._table.updated(
            Update(
                _task_key(tenant, task_id),
                "SET #status = :status",
                {":status": status, ":removing": "removing"},
                WriteCondition("attribute_exists(pk) AND #status <> :removing"),
            )
        )
        return _task(changed.item) if changed.made else None

    def add_items(
        self, tenant: str, task: LabellingTask, items: Mapping[str, LabellingItem]
    ) -> AddedLabellingItems:
        """Store items by their ids; those that are there stay.

        Raises:
            Conflict: one of them is there with other content, or the task is not open.
            QuotaExceeded: the task would have too many items.
        """
        known = self.items(tenant, task.task_id, list(items))
        for item_id, stored in known.items():
            if stored != items[item_id]:
                raise Conflict(
                    f"The task has an item {stored.id} with other content; items stay as they "
                    "are. Give this one another id.",
                    field="id",
                )
        new = [each for each in items.items() if each[0] not in known]
        for at in range(0, len(new), _ITEMS_A_WRITE):
            self._add(tenant, task, new[at : at + _ITEMS_A_WRITE])
        return AddedLabellingItems(added=len(new), known=len(known))

    def _add(
        self, tenant: str, task: LabellingTask, items: Sequence[tuple[str, LabellingItem]]
    ) -> None:
        gold = sum(item.gold is not None for _, item in items)
        counted = Update(
            _task_key(tenant, task.task_id),
            "SET #items = #items + :count, #gold_items = #gold_items + :gold",
            {":count": len(items), ":gold": gold},
            WriteCondition(
                "#status = :open AND #items <= :room",
                {":open": "open", ":room": MAX_ITEMS_A_TASK - len(items)},
            ),
        )
        writes: list[Write] = [counted, tenant_stays(tenant)]
        for item_id, item in items:
            state = ItemState(item_id=item_id, gold=item.gold or "")
            pk, sk = _key(tenant, task.task_id, "ITEM", item_id)
            body = {"pk": pk, "sk": sk, "item": item.model_dump_json()}
            writes.append(Put({**body, "expires_at": _expiry(task)}, ABSENT))
            writes.append(Put(_state_item(tenant, task, state), ABSENT))
        try:
            self._table.transact(writes)
        except TransactionRefused as error:
            raise self._refusal(tenant, task, error) from error

    def _refusal(self, tenant: str, task: LabellingTask, error: TransactionRefused) -> Exception:
        if 1 in error.refused:
            return Conflict("The tenant is being removed.", field="tenant")
        if 0 not in error.refused:
            return Conflict("The items are being added by another request; try again.")
        now = self.task(tenant, task.task_id)
        if now is None or now.status != "open":
            return Conflict("The task is not open.", field="task_id")
        return QuotaExceeded(
            f"A task has at most {MAX_ITEMS_A_TASK} items; make another task for more.",
            field="items",
            limit=str(MAX_ITEMS_A_TASK),
        )

    def known_documents(self, tenant: str, document_ids: Collection[str]) -> frozenset[str]:
        """Return those of the documents that the tenant has."""
        keys = [document_key(tenant, each) for each in sorted(document_ids)]
        found = self._table.get_many(keys, attributes=("pk", "sk"))
        return frozenset(item["sk"].rpartition("#")[2] for item in found)

    def state(self, tenant: str, task_id: str, item_id: str) -> ItemState | None:
        """Return the state of an item, or None.

        Looked for in the order in which it moves: what is no longer open is done.
        """
        for part in ("OPEN", "DONE", "GOLD"):
            item = self._table.get(_key(tenant, task_id, part, item_id))
            if item is not None:
                return _state(item)
        return None

    def states(
        self, tenant: str, task_id: str, part: StatePart, after: str = "", page: int = 0
    ) -> Iterator[ItemState]:
        """Yield states by item id, those behind the id `after`; `page` are read at a time."""
        pk, prefix = _key(tenant, task_id, part, "")
        start = prefix + after if after else ""
        for item in self._table.query(pk, prefix, limit=page, after=start):
            yield _state(item)

    def items(
        self, tenant: str, task_id: str, item_ids: Sequence[str]
    ) -> Mapping[str, LabellingItem]:
        """Return the items that exist, by id."""
        keys = [_key(tenant, task_id, "ITEM", item_id) for item_id in item_ids]
        return {
            item["sk"].rpartition("#")[2]: _item_adapter.validate_json(item["item"])
            for item in self._table.get_many(keys)
        }

    def texts(
        self, tenant: str, task_id: str, claims: Sequence[tuple[str, str]]
    ) -> Mapping[str, LabelText]:
        """Return the texts of claims, each an item id and a claim id, by claim id."""
        keys = [_key(tenant, task_id, "TEXT", f"{item}#{claim}") for item, claim in claims]
        return {
            item["sk"].rpartition("#")[2]: LabelText(item["correction"], item["comment"])
            for item in self._table.get_many(keys)
        }

    def reviewer(self, tenant: str, task_id: str, reviewer: str) -> ReviewerState:
        """Return a reviewer's state, an empty one if there is none."""
        item = self._table.get(_key(tenant, task_id, "REVIEWER", reviewer))
        if item is None:
            return ReviewerState(reviewer=reviewer)
        state = ReviewerState.model_validate_json(item["reviewer"])
        return state.model_copy(update={"revision": item["revision"]})

    def change(self, tenant: str, task: LabellingTask, change: StateChange) -> bool:
        """Make a change; return False, with nothing written, if either state has changed."""
        before, after = change.before, change.after
        put = _state_item(tenant, task, after)
        old_key = _key(tenant, task.task_id, before.part, before.item_id)
        if before.part == after.part:
            writes: list[Write] = [Put(put, _unchanged(before.revision))]
        else:
            writes = [Delete(old_key, _unchanged(before.revision)), Put(put, ABSENT)]
        if change.reviewer is not None:
            writes.append(_reviewer_put(tenant, task, *change.reviewer))
        for claim_id, text in change.texts.items():
            pk, sk = _key(tenant, task.task_id, "TEXT", f"{after.item_id}#{claim_id}")
            told = {"correction": text.correction, "comment": text.comment}
            writes.append(Put({"pk": pk, "sk": sk, **told, "expires_at": _expiry(task)}))
        try:
            self._table.transact(writes)
        except TransactionRefused:
            return False
        return True

    def remove(self, tenant: str, task_id: str) -> None:
        """Remove a task and all that belongs to it; may be repeated.

        The task's own record goes last, so that a removal that was cut off can be repeated.
        """
        prefix = f"LABEL#{task_id}#"
        found = self._table.query(tenant_pk(tenant), prefix, attributes=("pk", "sk"))
        keys = [(str(item["pk"]), str(item["sk"])) for item in found]
        for at in range(0, len(keys), _DELETES_A_WRITE):
            self._table.transact([Delete(key) for key in keys[at : at + _DELETES_A_WRITE]])
        self._table.delete(Delete(_task_key(tenant, task_id)))


def _task_key(tenant: str, task_id: str) -> Key:
    return tenant_pk(tenant), _TASK + task_id


def _key(tenant: str, task_id: str, part: str, name: str) -> Key:
    return tenant_pk(tenant), f"LABEL#{task_id}#{part}#{name}"


def _expiry(task: LabellingTask) -> int:
    return int(task.expires_at.timestamp())


def _unchanged(revision: int) -> WriteCondition:
    return WriteCondition("#revision = :revision", {":revision": revision})


def _task(item: Item) -> LabellingTask:
    task = LabellingTask.model_validate_json(item["task"])
    return task.model_copy(update={name: item[name] for name in _UPDATED})


def _state_item(tenant: str, task: LabellingTask, state: ItemState) -> dict[str, Value]:
    pk, sk = _key(tenant, task.task_id, state.part, state.item_id)
    return {
        "pk": pk,
        "sk": sk,
        "state": state.model_dump_json(),
        "revision": state.revision,
        "expires_at": _expiry(task),
    }


def _state(item: Item) -> ItemState:
    state = ItemState.model_validate_json(item["state"])
    return state.model_copy(update={"revision": item["revision"]})


def _reviewer_put(
    tenant: str, task: LabellingTask, before: ReviewerState, after: ReviewerState
) -> Put:
    pk, sk = _key(tenant, task.task_id, "REVIEWER", after.reviewer)
    item: dict[str, Value] = {
        "pk": pk,
        "sk": sk,
        "reviewer": after.model_dump_json(),
        "revision": after.revision,
        "expires_at": _expiry(task),
    }
    return Put(item, _unchanged(before.revision) if before.revision else ABSENT)
