"""Which versions runs select: each is answered once, whatever comes between."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chalicelib.contracts.schedule_places import DocumentsSource
from chalicelib.contracts.schedules import WORK
from chalicelib.errors import Conflict
from functions.run_schedule.history import (
    MAX_TRIES,
    OVERLAP,
    DocumentHistory,
    HistoryHead,
    Listing,
    SelectedDocument,
    VersionMark,
    read_history,
)
from functions.run_schedule.kind import Run
from functions.run_schedule.prompt_use import PinnedUse
from functions.run_schedule.selection import SelectionProgress, Selector, read_selected
from tests.soak import often
from tests.unit.functions.run_schedule.batch_world import DOCUMENTS, FIRST_NIGHT, World

PROMPT = PinnedUse(name="p", version=1, document="text", variables={}, size=10, has_schema=False)
SOURCE = DocumentsSource(type="documents", collection="reports")
PATHS = ("a", "b", "c", "d", "e")
RUN: tuple[str, Any, Any] = ("run", frozenset(), 4)
LAGS = st.integers(0, int(OVERLAP.total_seconds()) // 60)
EVENTS = st.one_of(
    st.tuples(st.just("upload"), st.sampled_from(PATHS), LAGS),
    st.tuples(st.just("wait"), st.integers(1, 40), st.none()),
    st.tuples(
        st.sampled_from(("run", "run", "broken")),
        st.frozensets(st.sampled_from(PATHS), max_size=3),
        st.integers(1, 4),
    ),
)


@dataclass
class Simulation:
    """A schedule whose runs answer documents. A version that is `hidden` is ready and not shown."""

    world: World = field(default_factory=World)
    history: DocumentHistory = field(default_factory=DocumentHistory)
    hidden: dict[str, tuple[datetime, datetime]] = field(default_factory=dict)
    answered: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)

    def upload(self, path: str, lag: int) -> None:
        """Have a version become ready now, and show `lag` minutes later."""
        self.show(path)
        now = self.world.now
        self.hidden[path] = now, now + timedelta(minutes=lag)

    def show(self, path: str) -> None:
        """Show the version of a path that is hidden."""
        if path in self.hidden:
            now, (self.world.now, _) = self.world.now, self.hidden.pop(path)
            self.world.put(path)
            self.world.now = now

    def run(self, failing: Container[str], room: int, *, is_broken: bool = False) -> int:
        """Do a run, and return how many documents it selected."""
        for path, (_, shows_at) in sorted(self.hidden.items()):
            if shows_at <= self.world.now:
                self.show(path)
        selected, listing = self._select(room)
        self.world.now += timedelta(seconds=30)
        failures = {each.document_id for each in selected if each.path in failing}
        is_new = any(not each.tries for each in selected)
        if is_broken or (selected and len(failures) == len(selected) and is_new):
            return len(selected)
        for each in selected:
            (self.failed if each.document_id in failures else self.answered)[each.version] += 1
        after = self.history.after_run(listing, selected, failures)
        self.history = read_history([b"".join(after.dump())])
        assert self.history == after
        return len(selected)

    def _select(self, room: int) -> tuple[list[SelectedDocument], Listing]:
        request = self.world.begin(DOCUMENTS)
        order = self.world.state(request).input.run
        assert order is not None
        run = Run(order, WORK.validate_python(order.work), self.world.state(request), FIRST_NIGHT)
        progress = SelectionProgress(begun=self.world.now)
        while not progress.is_done:
            selector = Selector(
                *(run, self.world, self.world.buckets, PROMPT, self.history, progress),  # type: ignore[arg-type]
                lambda: True,
                group=1,
                room=room,
            )
            progress = selector.step(selector.changed(SOURCE))
        found = read_selected(run, progress.parts, self.world.buckets)  # type: ignore[arg-type]
        last = progress.cursor if progress.is_full else ""
        return list(found), Listing(progress.begun, last)


@settings(max_examples=often(500, 25))
@given(st.lists(EVENTS, max_size=14))
@example([("upload", "a", 15), ("wait", 14, None), RUN, ("wait", 1, None), RUN])
@example([("upload", "a", 0), ("upload", "b", 0), ("run", frozenset("a"), 4)])
def test_each_version_that_answers_should_be_answered_exactly_once(
    events: list[tuple[str, Any, Any]],
) -> None:
    it = Simulation()
    for what, first, second in events:
        match what:
            case "upload":
                it.upload(first, second)
            case "wait":
                it.world.now += timedelta(minutes=first)
            case _:
                it.run(first, second, is_broken=what == "broken")
    it.world.now += timedelta(days=1)
    for _ in range(4 * len(PATHS)):
        it.run((), 1)
    assert it.run((), 4) == 0, "there is nothing left"
    assert set(it.answered.values()) <= {1}
    answering = {each.version for each in it.world.stored.values()}
    given_up = {version for version, count in it.failed.items() if count >= MAX_TRIES}
    assert answering == {v for v in answering if it.answered[v] == 1 or v in given_up}


def selected(document: str, version: str = "v", tries: int = 0) -> SelectedDocument:
    told = {"document_id": document, "version": version, "collection": "c", "path": document}
    return SelectedDocument.model_validate({**told, "ready_at": FIRST_NIGHT, "tries": tries})


def test_what_was_decided_before_the_overlap_should_be_forgotten() -> None:
    history = DocumentHistory().after_run(Listing(FIRST_NIGHT), [selected("a")], ())
    assert history.decided == {("a", "v"): FIRST_NIGHT}
    later = history.after_run(Listing(FIRST_NIGHT + OVERLAP * 2), [], ())
    assert later == DocumentHistory(HistoryHead(since=FIRST_NIGHT + OVERLAP * 2))


def test_a_failure_should_be_kept_as_long_as_the_documents_before_it_are_not_at_their_end() -> None:
    history = DocumentHistory().after_run(Listing(FIRST_NIGHT), [selected("z")], {"z"})
    partly = history.after_run(Listing(FIRST_NIGHT, last="b"), [selected("b")], ())
    assert partly.head == HistoryHead(since=FIRST_NIGHT, begun=FIRST_NIGHT, after="b")
    assert partly.tries(("z", "v")) == 1
    assert (
        DocumentHistory(failed=partly.failed).after_run(Listing(FIRST_NIGHT), [], ()).failed == {}
    )


def test_a_list_that_is_cut_off_should_not_be_read() -> None:
    mark = VersionMark(document_id="a", version="v", ready_at=FIRST_NIGHT)
    for body in (b"", b"{}\n" + mark.model_dump_json().encode()):
        with pytest.raises(Conflict):
            read_history([body])
