"""The schedules of tenants, as their owners make, show, change and remove them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from chalicelib.contracts.schedules import SHOWN_TIMES, Schedule, ScheduleRun, terms_json
from chalicelib.errors import (
    HeadraceError,
    InvalidInput,
    NotFound,
    QuotaExceeded,
    Throttled,
    Transient,
)
from chalicelib.schedules import changes
from chalicelib.schedules.claims import run_by_hand
from chalicelib.schedules.records import (
    ChangeOutcome,
    ScheduleChange,
    ScheduleRecords,
    ScheduleState,
)
from chalicelib.schedules.settlement import ATTEMPTS
from chalicelib.schedules.times import check_comes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chalicelib.contracts.schedules import ScheduleTerms
    from chalicelib.schedules.dispatch import RunDispatcher
    from chalicelib.schedules.entries import EntryKeeper

MAX_SCHEDULES = 100
MAX_TERMS_BYTES = 64 * 1024
"""A run's order carries its work into an execution, whose input has 256 KiB at most.

https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
"""
CheckTerms = Callable[[str, "ScheduleTerms"], None]
"""Raises an error unless a tenant may have what terms ask for."""


@dataclass(frozen=True, slots=True)
class ScheduleLibrary:
    """Schedules of all tenants; `check` looks at what terms name before they are stored."""

    records: ScheduleRecords
    keeper: EntryKeeper
    dispatcher: RunDispatcher
    check: CheckTerms
    now: Callable[[], datetime]
    new_id: Callable[[datetime], str]

    def create(self, tenant: str, name: str, terms: ScheduleTerms, key: str) -> Schedule:
        """Make a schedule; without its entry it is not kept.

        Raises:
            InvalidInput: its times are wrong, or never come; or its work is too large.
            NotFound: there is no such model, prompt, version or webhook.
            Conflict: there is a schedule of that name.
            QuotaExceeded: the tenant has as many as it may.
            Transient: others kept making schedules for as long as we tried.
        """
        now = self._now()
        state = ScheduleState(
            tenant=tenant,
            schedule_id=self.new_id(now),
            name=name,
            terms=terms,
            key=key,
            created_at=now,
            updated_at=now,
        )
        self._check(state, now)
        state = state.model_copy(update={"next_at": state.timing.after(now)})
        self._store(state)
        try:
            self.keeper.keep(tenant, name)
        except HeadraceError:
            self._withdraw(state)
            raise
        return self.show(tenant, name)

    def show(self, tenant: str, name: str) -> Schedule:
        """Return a schedule with its next times; raise `NotFound`."""
        return self.view(self._existing(tenant, name))

    def view(self, state: ScheduleState) -> Schedule:
        """Return a schedule as its owner sees it."""
        times = state.timing.first(self.now(), SHOWN_TIMES) if state.status == "active" else ()
        return Schedule(
            schedule_id=state.schedule_id,
            name=state.name,
            status=state.status,
            reason=state.reason,
            terms=state.terms,
            next=times,
            failures=state.failures,
            watermark=state.watermark.at,
            running=state.running,
            last_run=state.last_run,
            created_at=state.created_at,
            updated_at=state.updated_at,
        )

    def replace(self, tenant: str, name: str, terms: ScheduleTerms, key: str) -> Schedule:
        """Give a schedule other terms; raise as `create` does, and `NotFound`.

        Terms whose entry EventBridge Scheduler refuses are taken back.
        """
        now = self._now()
        before = self._existing(tenant, name)
        proposed = before.model_copy(update={"terms": terms})
        self._check(proposed, now)
        with suppress(Throttled):
            self.dispatcher.claim(tenant, name)  # what is due is still due by the old terms
        try:
            return self._changed(
                tenant, name, lambda state: changes.replace_terms(state, terms, key, now)
            )
        except InvalidInput:
            with suppress(HeadraceError):  # the sweep tries the entry again, and says why
                self._changed(
                    tenant,
                    name,
                    lambda state: (
                        changes.replace_terms(state, before.terms, before.key, now)
                        if state.terms == terms
                        else None
                    ),
                )
            raise

    def pause(self, tenant: str, name: str) -> Schedule:
        """Let no further time of a schedule come; raise `NotFound`, `Conflict`."""
        now = self._now()
        return self._changed(tenant, name, lambda state: changes.pause(state, changes.PAUSED, now))

    def resume(self, tenant: str, name: str) -> Schedule:
        """Let a schedule run again, from its next time on; raise `NotFound`, `Conflict`."""
        now = self._now()
        return self._changed(tenant, name, lambda state: changes.resume(state, now))

    def run(self, tenant: str, name: str) -> ScheduleRun:
        """Begin a run of a schedule now, or let it wait its turn.

        Raises:
            NotFound: there is no such schedule.
            Conflict: a run goes on, and the overlap policy is `skip`; or too many wait.
        """
        now = self._now()
        run_id = self.new_id(now)
        for _ in range(ATTEMPTS):
            state = self._existing(tenant, name)
            change = run_by_hand(state, run_id, now)
            if self.records.change(change) is ChangeOutcome.MADE:
                with suppress(HeadraceError):  # the next end of a run, or the sweep, does it
                    self.dispatcher.cancel_superseded(change.after)
                    self.dispatcher.admit()
                return self._existing_run(state, run_id)
        raise _busy(name)

    def runs(self, tenant: str, name: str, after: str) -> Iterator[ScheduleRun]:
        """Yield the runs of a schedule, newest first, before the id `after`; raise `NotFound`."""
        return self.records.runs(tenant, self._existing(tenant, name).schedule_id, after)

    def show_run(self, tenant: str, name: str, run_id: str) -> ScheduleRun:
        """Return a run of a schedule; raise `NotFound`."""
        return self._existing_run(self._existing(tenant, name), run_id)

    def remove(self, tenant: str, name: str) -> None:
        """Remove a schedule and its entry, and cancel its runs; their history expires.

        The entry goes first: cut off before the record goes, this may be repeated. The sweep
        removes what its runs kept for the next one.

        Raises:
            NotFound: there is no such schedule.
        """
        for _ in range(ATTEMPTS):
            state = self._existing(tenant, name)
            self.keeper.entries.remove(state.schedule_id)
            seat = self.records.seat(state.running) if state.running else None
            if seat is not None:
                self.dispatcher.cancel(seat)
                state = self._existing(tenant, name)
            if self.records.change(changes.remove(state, self._now())) is ChangeOutcome.MADE:
                return
        raise _busy(name)

    def _store(self, state: ScheduleState) -> None:
        """Store a new schedule while the tenant has room for one, whoever else makes one now."""
        for _ in range(ATTEMPTS):
            creations = self.records.creations(state.tenant)
            if sum(1 for _ in self.records.schedules(state.tenant, "")) >= MAX_SCHEDULES:
                raise QuotaExceeded(
                    f"A tenant has at most {MAX_SCHEDULES} schedules; delete one first.",
                    field="name",
                    limit=str(MAX_SCHEDULES),
                )
            if self.records.create(state, creations) is ChangeOutcome.MADE:
                return
        raise _busy(state.name)

    def _check(self, state: ScheduleState, now: datetime) -> None:
        size = len(str(terms_json(state.terms)).encode())
        if size > MAX_TERMS_BYTES:
            raise InvalidInput(
                f"The schedule has {size} bytes, of {MAX_TERMS_BYTES} at most: filter or"
                " variables are too long.",
                field="work",
                limit=str(MAX_TERMS_BYTES),
            )
        check_comes(state.timing, now)
        self.check(state.tenant, state.terms)

    def _changed(
        self, tenant: str, name: str, make: Callable[[ScheduleState], ScheduleChange | None]
    ) -> Schedule:
        """Make a change, if one is needed, and then the entry as it is wanted."""
        for _ in range(ATTEMPTS):
            state = self._existing(tenant, name)
            change = make(state)
            if change is not None and self.records.change(change) is not ChangeOutcome.MADE:
                continue
            if change is not None or not state.entry_known:
                self.keeper.keep(tenant, name)
            return self.show(tenant, name)
        raise _busy(name)

    def _withdraw(self, state: ScheduleState) -> None:
        """Take back a new schedule whose entry failed; where that fails, the sweep makes it."""
        with suppress(HeadraceError):
            stored = self.records.schedule(state.tenant, state.name)
            if stored is not None and stored.schedule_id == state.schedule_id:
                self.records.change(changes.remove(stored, self._now()))

    def _existing(self, tenant: str, name: str) -> ScheduleState:
        state = self.records.schedule(tenant, name)
        if state is None:
            raise NotFound(f"There is no schedule {name}.", field="name")
        return state

    def _existing_run(self, state: ScheduleState, run_id: str) -> ScheduleRun:
        run = self.records.run(state.tenant, state.schedule_id, run_id)
        if run is None:
            raise NotFound(f"{state.name} has no run {run_id}.", field="run_id")
        return run

    def _now(self) -> datetime:
        """Return the time to the millisecond, as ids have it."""
        now = self.now()
        return now.replace(microsecond=now.microsecond // 1000 * 1000)


def _busy(name: str) -> Transient:
    return Transient(f"Others kept changing the schedule {name}.")
