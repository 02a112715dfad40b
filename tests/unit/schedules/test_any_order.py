"""Every time of a schedule once, whatever order things come in and wherever a process is cut off.

Triggers come twice, late or never; runs end in any order; between any two writes the process may be
cut off, and what follows finds what was written. Held after each step: every time that was decided
about has one record, a schedule has one run at once, and no more seats are taken than there are. In
the end nothing waits.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from chalicelib.errors import Conflict
from chalicelib.jobs.ulids import ulid
from chalicelib.schedules.changes import pause, remove, replace_terms, resume
from chalicelib.schedules.claims import run_by_hand
from chalicelib.schedules.records import ScheduleChange
from chalicelib.schedules.times import TICK
from tests.soak import often
from tests.unit.schedules.fakes import PowerCut, Room

SEATS = 2
CUTS = st.one_of(st.none(), st.integers(0, 6))
"""After so many writes the process is cut off, if ever."""
TERMS = st.fixed_dictionaries(
    {
        "expression": st.sampled_from(["rate(1 hour)", "cron(0/30 * * * ? *)"]),
        "overlap": st.sampled_from(["skip", "queue", "cancel"]),
        "catch_up": st.sampled_from(["none", "latest", "all"]),
        "max_catch_up": st.integers(1, 4),
        "retries": st.integers(0, 1),
        "pause_after": st.integers(1, 3),
        "window_minutes": st.sampled_from([0, 45]),
    }
)
SCHEDULED = {"time", "catch_up"}


class Life(RuleBasedStateMachine):
    """Schedules of three tenants on two seats."""

    names = Bundle("names")

    def __init__(self) -> None:
        super().__init__()
        self.room = Room(SEATS)
        self.room.records.checks.append(self.check_times)
        self.made = 0

    @contextmanager
    def cut(self, writes: int | None) -> Iterator[None]:
        self.room.power.writes = writes
        try:
            yield
        except PowerCut:
            pass
        finally:
            self.room.power.writes = None

    def check_times(self, change: ScheduleChange) -> None:
        """Hold a change to the times that it decides about: each has a record now, none has two."""
        before, after = change.before, change.after
        known = self.room.records.kept.get(before.schedule_id, {})
        new = [run for run in change.runs if run.run_id not in known and run.trigger in SCHEDULED]
        if before.next_at is None or not new:
            return
        assert after is not None
        until = self.room.now if after.next_at is None else after.next_at - TICK
        decided = before.timing.count(before.next_at - TICK, until)
        missed = [run.missed.count for run in new if run.missed is not None]
        assert len(new) - len(missed) + sum(missed) == decided

    @rule(target=names, tenant=st.sampled_from("abc"), terms=TERMS, writes=CUTS)
    def create(self, tenant: str, terms: dict[str, Any], writes: int | None) -> Any:
        self.made += 1
        name = f"s{self.made}"
        with self.cut(writes):
            self.room.create(name, tenant, **terms)
        return (tenant, name) if (tenant, name) in self.room.records.states else multiple()

    @rule(minutes=st.integers(1, 200))
    def wait(self, minutes: int) -> None:
        self.room.later(minutes=minutes)

    @rule(key=names, times=st.integers(1, 2), writes=CUTS)
    def trigger(self, key: tuple[str, str], times: int, writes: int | None) -> None:
        state = self.room.records.states.get(key)
        if state is not None:
            with self.cut(writes):
                self.room.trigger(*[state] * times)

    @rule(
        n=st.integers(0, SEATS - 1),
        status=st.sampled_from(["succeeded", "partial", "failed", "cancelled"]),
        writes=CUTS,
    )
    def end(self, n: int, status: str, writes: int | None) -> None:
        launched = [run_id for run_id in self.launched() if self.is_started(run_id)]
        if n < len(launched):
            with self.cut(writes):
                self.room.end(launched[n], status)

    @rule(writes=CUTS)
    def sweep(self, writes: int | None) -> None:
        with self.cut(writes):
            self.room.sweep()

    @rule(key=names, refused=st.integers(1, 3))
    def race(self, key: tuple[str, str], refused: int) -> None:
        """Let others be quicker with the next changes of a trigger."""
        state = self.room.records.states.get(key)
        if state is not None:
            self.room.records.outdated = refused
            self.room.trigger(state)
            self.room.records.outdated = 0

    @rule(
        key=names, action=st.sampled_from(["pause", "resume", "replace", "remove", "run"]),
        terms=TERMS, writes=CUTS,
    )  # fmt: skip
    def change(
        self, key: tuple[str, str], action: str, terms: dict[str, Any], writes: int | None
    ) -> None:
        state, now = self.room.records.states.get(key), self.room.now
        if state is None:
            return
        change: ScheduleChange | None = None
        try:
            match action:
                case "pause":
                    change = pause(state, "asked", now)
                case "resume":
                    change = resume(state, now)
                case "replace":
                    new = state.terms.model_validate({**terms, "work": {"kind": "report"}})
                    change = replace_terms(state, new, "key", now)
                case "remove":
                    change = remove(state, now)
                case "run":
                    change = run_by_hand(state, ulid(now), now)
        except Conflict:
            return
        if change is not None:
            with self.cut(writes):
                self.room.records.change(change)
                self.room.dispatcher.cancel_superseded(change.after)
                self.room.dispatcher.admit()

    def launched(self) -> list[str]:
        return sorted({each.input.job_id for each in self.room.jobs.executions.values()})

    def is_started(self, run_id: str) -> bool:
        attempts = [
            each.input.execution_name
            for each in self.room.jobs.executions.values()
            if each.input.job_id == run_id
        ]
        started = {given.execution_name for given in self.room.executions.started}
        return set(attempts) <= started

    @invariant()
    def seats_should_not_exceed_the_limit(self) -> None:
        assert len(self.room.records.taken) <= SEATS

    @invariant()
    def a_schedule_should_have_one_run_at_once(self) -> None:
        running: list[str] = []
        for state in self.room.records.states.values():
            jobs = [
                job
                for job in self.room.jobs.kept.values()
                if job.input.run is not None
                and job.input.run.schedule_id == state.schedule_id
                and job.is_open
            ]
            assert len(jobs) <= 1
            assert all(job.job.job_id == state.running for job in jobs)
            running += [state.running] if state.running else []
        assert set(running) <= self.room.records.taken.keys()

    @invariant()
    def records_should_say_what_goes_on(self) -> None:
        for state in self.room.records.states.values():
            runs = self.room.records.kept.get(state.schedule_id, {}).values()
            waiting = {run.run_id for run in runs if run.status == "waiting"}
            assert waiting == {each.run_id for each in state.waiting}
            assert {run.run_id for run in runs if run.status == "running"} == (
                {state.running} - {""}
            )

    def teardown(self) -> None:
        """Let everything end: then nothing waits, no seat is held and no entry is in doubt."""
        room = self.room
        for _ in range(60):
            room.later(minutes=2)
            room.sweep()
            for run_id in self.launched():
                room.end(run_id)
            if not room.records.taken and not any(room.records.ready()):
                break
        assert room.records.taken == {}
        assert not any(state.is_busy for state in room.records.states.values())
        room.later(minutes=7)
        room.sweep()
        assert list(room.records.unsure_entries()) == []
        active = {s.schedule_id for s in room.records.states.values() if s.status == "active"}
        assert active <= room.entries.kept.keys()
        told = [run for runs in room.records.kept.values() for run in runs.values()]
        assert {run.status for run in told} <= {
            *("succeeded", "partial", "failed", "cancelled", "skipped", "missed"),
            *("running", "waiting"),
        }


def test_every_time_is_run_once_whatever_happens() -> None:
    kept = settings(max_examples=often(400, 25), stateful_step_count=often(60, 25), deadline=None)
    run_state_machine_as_test(Life, settings=kept)
