"""Schedules in the records table.

TENANT#<tenant>     SCHEDULE#<name>              one schedule
TENANT#<tenant>     RUN#<schedule id>#<run>      one run of it; expires after 90 days
TENANT#<tenant>     SCHEDULES                    how many schedules were ever made
SCHEDULES_DUE       <next time>#<tenant>#<name>  a schedule, by the first time not decided about
SCHEDULES_READY     <tenant>#<name>              a schedule whose first run waits for a seat alone
SCHEDULES_UNSURE    <schedule id>                an entry of EventBridge Scheduler to be put right,
                                                 or what a removed schedule left
SCHEDULES_RUNNING   SEAT#<run>                   the seat of a run, until its job is settled
SCHEDULES_RUNNING   COUNTER                      how many seats are taken
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from chalicelib.adapters.dynamodb import (
    Delete,
    DynamoTable,
    Item,
    Key,
    Put,
    TransactionRefused,
    Update,
    Write,
    WriteCondition,
)
from chalicelib.adapters.records.writes import (
    ABSENT,
    EXISTS,
    tenant_pk,
    tenant_stays,
    timestamp,
)
from chalicelib.contracts.schedules import ScheduleRun
from chalicelib.errors import Conflict
from chalicelib.schedules.records import (
    RUN_DAYS,
    ChangeOutcome,
    DueSchedule,
    ReadySchedule,
    ScheduleChange,
    ScheduleState,
    Seat,
    UnsureEntry,
)

SCHEDULE = "SCHEDULE#"
DUE, READY, UNSURE, RUNNING = (
    f"SCHEDULES_{name}" for name in ("DUE", "READY", "UNSURE", "RUNNING")
)
_SEAT = "SEAT#"
_COUNTER: Key = (RUNNING, "COUNTER")


class ScheduleTable:
    """Stores schedules, their runs, and the seats of those that go on."""

    def __init__(self, table: DynamoTable) -> None:
        self._table = table

    def schedule(self, tenant: str, name: str) -> ScheduleState | None:
        """Return a schedule, or None."""
        item = self._table.get(_schedule_key(tenant, name))
        return None if item is None else _state(item)

    def schedules(self, tenant: str, after: str) -> Iterator[ScheduleState]:
        """Yield the tenant's schedules by name, those behind the name `after` ("" for all)."""
        start = SCHEDULE + after if after else ""
        for item in self._table.query(tenant_pk(tenant), SCHEDULE, after=start):
            yield _state(item)

    def creations(self, tenant: str) -> int:
        """Return how many schedules of the tenant were ever made; removals do not count."""
        item = self._table.get(_creations_key(tenant))
        return 0 if item is None else int(item["creations"])

    def create(self, state: ScheduleState, creations: int) -> ChangeOutcome:
        """Store a new schedule, unless more than `creations` were made before it.

        Raises:
            Conflict: there is one of that name, or the tenant is being removed.
        """
        writes: list[Write] = [
            Put(_item(state), ABSENT),
            tenant_stays(state.tenant),
            _creation(state.tenant, creations),
        ]
        try:
            self._table.transact([*writes, *_index_writes(None, state)])
        except TransactionRefused as error:
            if 0 in error.refused:
                raise Conflict(
                    f"There is a schedule {state.name}; replace or delete it.", field="name"
                ) from error
            if 1 in error.refused:
                raise Conflict(
                    "The tenant is being removed; no schedule can be made.", field="tenant"
                ) from error
            return ChangeOutcome.OUTDATED
        return ChangeOutcome.MADE

    def change(self, change: ScheduleChange, max_running: int = 0) -> ChangeOutcome:
        """Make a change; a seat is taken among at most `max_running`."""
        before, after = change.before, change.after
        same = WriteCondition("#revision = :revision", {":revision": before.revision})
        writes: list[Write] = [
            Delete(_schedule_key(before.tenant, before.name), same)
            if after is None
            else Put(_item(after), same)
        ]
        if change.takes is not None:
            writes += [_count_up(max_running), Put(_seat_item(change.takes), ABSENT)]
        if change.frees is not None:
            writes += _given_back(change.frees)
        writes += _index_writes(before, after)
        writes += [_run_put(before.tenant, before.schedule_id, run) for run in change.runs]
        try:
            self._table.transact(writes)
        except TransactionRefused as error:
            is_full = change.takes is not None and error.refused == {1}
            return ChangeOutcome.FULL if is_full else ChangeOutcome.OUTDATED
        return ChangeOutcome.MADE

    def run(self, tenant: str, schedule_id: str, run_id: str) -> ScheduleRun | None:
        """Return a run, or None."""
        item = self._table.get(_run_key(tenant, schedule_id, run_id))
        return None if item is None else ScheduleRun.model_validate_json(item["run"])

    def runs(self, tenant: str, schedule_id: str, after: str) -> Iterator[ScheduleRun]:
        """Yield the runs of a schedule, newest first, those before the id `after` ("" for all)."""
        pk, prefix = _run_key(tenant, schedule_id, "")
        start = prefix + after if after else ""
        for item in self._table.query(pk, prefix, after=start, newest_first=True):
            yield ScheduleRun.model_validate_json(item["run"])

    def seat(self, run_id: str) -> Seat | None:
        """Return the seat of a run, or None once it is given back."""
        item = self._table.get((RUNNING, _SEAT + run_id))
        return None if item is None else Seat.model_validate_json(item["seat"])

    def seats(self) -> list[Seat]:
        """Return the seats that are taken."""
        items = self._table.query(RUNNING, _SEAT)
        return [Seat.model_validate_json(item["seat"]) for item in items]

    def free(self, seat: Seat, run: ScheduleRun | None) -> None:
        """Give back the seat of a run whose schedule is gone, and record its end; once."""
        writes = _given_back(seat)
        if run is not None:
            writes.append(_run_put(seat.tenant, seat.schedule_id, run))
        try:
            self._table.transact(writes)
        except TransactionRefused:
            return

    def ready(self) -> Iterator[ReadySchedule]:
        """Yield the schedules of which a run waits for nothing but a seat."""
        for item in self._table.query(READY, ""):
            since = datetime.fromisoformat(item["since"])
            yield ReadySchedule(item["tenant"], item["name"], since)

    def due(self, until: datetime) -> Iterator[DueSchedule]:
        """Yield the schedules that were due at `until`, the earliest first."""
        for item in self._table.query(DUE, ""):
            next_at = datetime.fromisoformat(item["next_at"])
            if next_at > until:
                return
            window = timedelta(minutes=item["window_minutes"])
            yield DueSchedule(item["tenant"], item["name"], next_at, window)

    def doubt(self, entry: UnsureEntry) -> None:
        """Note that an entry may have no schedule."""
        self._table.put(_unsure(entry))

    def unsure_entries(self) -> Iterator[UnsureEntry]:
        """Yield the entries that may differ from their schedules."""
        for item in self._table.query(UNSURE, ""):
            yield UnsureEntry(item["tenant"], item["name"], item["sk"])

    def forget(self, entry: UnsureEntry) -> None:
        """Forget the doubt about an entry that is gone; may be repeated."""
        self._table.delete(Delete((UNSURE, entry.schedule_id)))


def _schedule_key(tenant: str, name: str) -> Key:
    return tenant_pk(tenant), SCHEDULE + name


def _creations_key(tenant: str) -> Key:
    return tenant_pk(tenant), "SCHEDULES"


def _creation(tenant: str, creations: int) -> Update:
    """Return the write that counts one more schedule, if no other was made meanwhile."""
    return Update(
        _creations_key(tenant),
        "SET #creations = :next",
        {":next": creations + 1},
        WriteCondition("#creations = :creations", {":creations": creations})
        if creations
        else WriteCondition("attribute_not_exists(#creations)"),
    )


def _run_key(tenant: str, schedule_id: str, run_id: str) -> Key:
    return tenant_pk(tenant), f"RUN#{schedule_id}#{run_id}"


def _item(state: ScheduleState) -> dict[str, str | int]:
    pk, sk = _schedule_key(state.tenant, state.name)
    content = state.model_dump_json(exclude={"revision"})
    return {"pk": pk, "sk": sk, "schedule": content, "revision": state.revision}


def _state(item: Item) -> ScheduleState:
    state = ScheduleState.model_validate_json(item["schedule"])
    return state.model_copy(update={"revision": item["revision"]})


def _run_put(tenant: str, schedule_id: str, run: ScheduleRun) -> Put:
    pk, sk = _run_key(tenant, schedule_id, run.run_id)
    expires_at = int((run.created_at + timedelta(days=RUN_DAYS)).timestamp())
    return Put({"pk": pk, "sk": sk, "run": run.model_dump_json(), "expires_at": expires_at})


def _count_up(max_running: int) -> Update:
    return Update(
        _COUNTER,
        "SET #running = if_not_exists(#running, :zero) + :one",
        {":zero": 0, ":one": 1},
        WriteCondition("attribute_not_exists(#running) OR #running < :max", {":max": max_running}),
    )


def _seat_item(seat: Seat) -> dict[str, str]:
    return {"pk": RUNNING, "sk": _SEAT + seat.run_id, "seat": seat.model_dump_json()}


def _given_back(seat: Seat) -> list[Write]:
    """Return the writes that give a seat back, once."""
    return [
        Delete((RUNNING, _SEAT + seat.run_id), EXISTS),
        Update(_COUNTER, "SET #running = #running - :one", {":one": 1}),
    ]


def _index_writes(before: ScheduleState | None, after: ScheduleState | None) -> list[Write]:
    """Return the writes by which a schedule is found as it is now, and no longer as it was.

    One that is removed is in doubt until the sweep has removed its entry and its objects.
    """
    old, new = _index_items(before), _index_items(after)
    if after is None and before is not None:
        put = _unsure(UnsureEntry(before.tenant, before.name, before.schedule_id))
        new = {(UNSURE, before.schedule_id): put}
    gone = [Delete(key) for key in old if key not in new]
    return [*gone, *(put for key, put in new.items() if old.get(key) != put)]


def _index_items(state: ScheduleState | None) -> dict[Key, Put]:
    puts = []
    if state is not None and state.next_at is not None:
        puts.append(_due(state, state.next_at))
    if state is not None and state.is_ready:
        puts.append(_ready(state))
    if state is not None and not state.entry_known:
        puts.append(_unsure(UnsureEntry(state.tenant, state.name, state.schedule_id)))
    return {(str(put.item["pk"]), str(put.item["sk"])): put for put in puts}


def _due(state: ScheduleState, next_at: datetime) -> Put:
    moment = timestamp(next_at)
    return Put(
        {
            "pk": DUE,
            "sk": f"{moment}#{state.tenant}#{state.name}",
            "tenant": state.tenant,
            "name": state.name,
            "next_at": moment,
            "window_minutes": state.terms.window_minutes,
        }
    )


def _ready(state: ScheduleState) -> Put:
    return Put(
        {
            "pk": READY,
            "sk": f"{state.tenant}#{state.name}",
            "tenant": state.tenant,
            "name": state.name,
            "since": timestamp(state.waiting[0].scheduled_at.astimezone(UTC)),
        }
    )


def _unsure(entry: UnsureEntry) -> Put:
    return Put({"pk": UNSURE, "sk": entry.schedule_id, "tenant": entry.tenant, "name": entry.name})
