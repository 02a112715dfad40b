"""Claims in any order: whoever labels, skips or comes late, no item has a label too many."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from chalicelib.adapters.dynamodb import DynamoTable, Put
from chalicelib.adapters.records.labelling import LabelTable
from chalicelib.contracts.labelling import (
    LabellingClaim,
    LabellingTask,
    SkipItemRequest,
    SubmitLabelRequest,
)
from chalicelib.errors import Conflict, InvalidInput, NotFound
from chalicelib.labelling.claims import is_gold_turn
from chalicelib.labelling.records import StateChange
from chalicelib.labelling.results import labelled
from tests.unit.ingest.conftest import dynamodb, put_tenant, table
from tests.unit.labelling.fakes import TENANT, Desk, pairs, terms

__all__ = ["dynamodb", "table"]

REVIEWERS = ("ann", "ben", "cho", "dee")
who = st.sampled_from(REVIEWERS)


def opened(desk: Desk, count: int = 3, gold: int = 0, **fields: object) -> LabellingTask:
    task = desk.tasks.create(TENANT, terms(**fields))
    desk.tasks.add(TENANT, task.task_id, pairs(count, gold))
    return desk.tasks.task(TENANT, task.task_id)


def taken(desk: Desk, task: LabellingTask, reviewer: str) -> LabellingClaim:
    found = desk.queue.next_claim(TENANT, task.task_id, reviewer).claim
    assert found is not None
    return found


def better(claim: LabellingClaim) -> str:
    """Return the position of the good text."""
    return "first" if str(claim.content.first).startswith("Good") else "second"


def submit(
    desk: Desk, task: LabellingTask, reviewer: str, claim: LabellingClaim, label: str
) -> bool:
    given = SubmitLabelRequest(label=label)
    return desk.queue.submit(TENANT, task.task_id, claim.claim_id, reviewer, given).late


class Reviewing(RuleBasedStateMachine):
    """Reviewers who do anything at any time."""

    def __init__(self) -> None:
        super().__init__()
        self.desk = Desk()
        self.task = opened(self.desk, count=3, gold=1, reviews=2, gold_share=0.5)
        self.claims: list[tuple[str, LabellingClaim]] = []
        self.accepted: Counter[str] = Counter()

    @rule(reviewer=who)
    def claim(self, reviewer: str) -> None:
        found = self.desk.queue.next_claim(TENANT, self.task.task_id, reviewer).claim
        if found is not None:
            self.claims.append((reviewer, found))

    @rule(minutes=st.sampled_from([1, 29, 30, 45]))
    def time_passes(self, minutes: int) -> None:
        self.desk.wait(minutes)

    @rule(at=st.integers(0, 1_000), label=st.sampled_from(["first", "second", "tie"]))
    def label(self, at: int, label: str) -> None:
        if not self.claims:
            return
        reviewer, claim = self.claims[at % len(self.claims)]
        try:
            submit(self.desk, self.task, reviewer, claim, label)
        except Conflict:
            return
        self.accepted[claim.claim_id] = 1

    @rule(at=st.integers(0, 1_000))
    def skip(self, at: int) -> None:
        if not self.claims:
            return
        reviewer, claim = self.claims[at % len(self.claims)]
        given = SkipItemRequest(reason="I do not know.")
        try:
            self.desk.queue.skip(TENANT, self.task.task_id, claim.claim_id, reviewer, given)
        except Conflict:
            return

    @invariant()
    def no_item_has_too_many(self) -> None:
        kept = 0
        for part in ("OPEN", "DONE", "GOLD"):
            for state in self.desk.records.states(TENANT, self.task.task_id, part):
                holding = [each for each in state.assignments if each.status != "skipped"]
                kept += len(labelled(state))
                assert state.gold or len(holding) <= self.task.reviews
                by = Counter(each.reviewer for each in state.assignments)
                assert max(by.values(), default=0) <= 1
        assert kept == len(self.accepted)

    @invariant()
    def a_reviewer_has_one_claim(self) -> None:
        held = Counter(
            each.reviewer
            for part in ("OPEN", "DONE", "GOLD")
            for state in self.desk.records.states(TENANT, self.task.task_id, part)
            for each in state.assignments
            if each.status == "claimed" and each.expires_at > self.desk.now
        )
        assert max(held.values(), default=0) <= 1


TestReviewing = Reviewing.TestCase
TestReviewing.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)


@given(st.lists(who, min_size=60, max_size=60))
@settings(max_examples=20, deadline=None)
def test_should_get_every_label_in_whatever_order_reviewers_come(order: list[str]) -> None:
    desk = Desk()
    task = opened(desk, count=5, gold=2, reviews=2)
    for reviewer in [*order, *REVIEWERS * 15]:
        found = desk.queue.next_claim(TENANT, task.task_id, reviewer).claim
        if found is not None:
            submit(desk, task, reviewer, found, better(found))
    done = desk.tasks.progress(TENANT, task.task_id)
    assert (done.open, done.decided, done.labels) == (0, 5, 10)
    assert done.positions is not None
    assert {each.gold_accuracy for each in done.reviewers} <= {1.0, None}
    rows, _ = desk.tasks.export(TENANT, task.task_id, None, "", 40)
    assert all("Good" in str(each.row) for each in rows.items)
    assert {each.provenance.label for each in rows.items} == {"a"}


def test_should_show_the_sides_of_a_pair_in_both_orders_and_count_them_back() -> None:
    desk = Desk()
    task = opened(desk, count=1, reviews=4)
    seen = []
    for reviewer in REVIEWERS:
        claim = taken(desk, task, reviewer)
        seen.append(claim.content.first)
        assert "pair-0" not in claim.model_dump_json(), "its maker's id may tell of a side"
        submit(desk, task, reviewer, claim, "first")
    assert Counter(seen) == {"Good 0.": 2, "Bad 0.": 2}
    found = desk.tasks.progress(TENANT, task.task_id)
    assert found.positions is not None
    assert found.positions.model_dump() == {
        "a_first": 2, "b_first": 2, "preferred_first": 4, "preferred_second": 0,
    }  # fmt: skip
    assert (found.decided, found.undecided) == (0, 1), "who always takes the first says nothing"


def test_should_give_a_reviewer_the_same_claim_until_it_ends() -> None:
    desk = Desk()
    task = opened(desk)
    claim = taken(desk, task, "ann")
    desk.wait(29)
    assert taken(desk, task, "ann") == claim
    desk.wait(1)
    assert taken(desk, task, "ann").claim_id != claim.claim_id


def test_should_take_a_late_label_only_where_its_place_is_free() -> None:
    desk = Desk()
    task = opened(desk, count=1, reviews=1)
    late = taken(desk, task, "ann")
    desk.wait(31)
    other = taken(desk, task, "ben")
    with pytest.raises(Conflict, match="given to another reviewer") as refused:
        submit(desk, task, "ann", late, "first")
    assert refused.value.field == "claim_id"
    desk.wait(31)
    assert submit(desk, task, "ben", other, better(other)) is True
    found = desk.tasks.progress(TENANT, task.task_id)
    assert [(each.reviewer, each.late) for each in found.reviewers] == [("ben", 1)]


def test_should_take_a_label_twice_and_no_other_one() -> None:
    desk = Desk()
    task = opened(desk)
    claim = taken(desk, task, "ann")
    submit(desk, task, "ann", claim, "first")
    submit(desk, task, "ann", claim, "first")
    with pytest.raises(Conflict, match="stays as it was given"):
        submit(desk, task, "ann", claim, "tie")
    with pytest.raises(Conflict, match="This reviewer has no such claim"):
        submit(desk, task, "ben", claim, "first")
    with pytest.raises(NotFound):
        desk.queue.submit(TENANT, task.task_id, "clm_1", "ann", SubmitLabelRequest(label="tie"))
    with pytest.raises(InvalidInput, match="the labels are first, second, tie"):
        submit(desk, task, "ann", taken(desk, task, "ann"), "a")


def test_should_hand_over_what_too_many_skipped() -> None:
    desk = Desk()
    task = opened(desk, count=1, reviews=3, max_skips=2)
    for reviewer in ("ann", "ben"):
        claim = taken(desk, task, reviewer)
        skip = SkipItemRequest(reason="Both are in Greek.")
        ended = desk.queue.skip(TENANT, task.task_id, claim.claim_id, reviewer, skip)
    assert ended.done
    assert desk.queue.next_claim(TENANT, task.task_id, "cho").claim is None
    page, _ = desk.tasks.disagreements(TENANT, task.task_id, "", 20)
    assert [given.skipped for given in page.items[0].given] == ["Both are in Greek."] * 2


def test_should_measure_reviewers_by_gold_items_that_are_like_the_others() -> None:
    desk = Desk()
    task = opened(desk, count=20, gold=10, reviews=3, gold_share=0.3)
    wrong = {"first": "second", "second": "first"}
    gold = {each.item_id for each in desk.records.states(TENANT, task.task_id, "GOLD")}
    places = []
    while (claim := desk.queue.next_claim(TENANT, task.task_id, "ann").claim) is not None:
        places.append(claim.item_id in gold)
        submit(desk, task, "ann", claim, better(claim))
        other = desk.queue.next_claim(TENANT, task.task_id, "ben").claim
        if other is not None:
            submit(desk, task, "ben", other, wrong[better(other)])
    found = {each.reviewer: each for each in desk.tasks.progress(TENANT, task.task_id).reviewers}
    assert found["ann"].gold_accuracy == 1.0
    assert found["ben"].gold_accuracy == 0.0
    assert found["ann"].labelled == 20
    assert 3 <= found["ann"].gold_labelled == sum(places) <= 10
    turns = sum(is_gold_turn(task.task_id, "ann", n, 0.3) for n in range(10_000))
    assert abs(turns / 10_000 - 0.3) < 0.02


def test_should_keep_in_the_table_what_is_kept_in_memory(table: DynamoTable) -> None:
    put_tenant(table)
    done = []
    for desk in (Desk(LabelTable(table)), Desk()):
        task = opened(desk, count=4, gold=2, reviews=2, gold_share=0.3)
        for reviewer in (*"abcbacacbb", *"cab" * 6):
            found = desk.queue.next_claim(TENANT, task.task_id, reviewer).claim
            if found is not None:
                label = better(found) if reviewer != "c" else "tie"
                given = SubmitLabelRequest(label=label, comment=f"Said {reviewer}.")
                desk.queue.submit(TENANT, task.task_id, found.claim_id, reviewer, given)
            desk.wait(20)
        page, _ = desk.tasks.disagreements(TENANT, task.task_id, "", 20)
        rows, _ = desk.tasks.export(TENANT, task.task_id, "labels", "", 40)
        progress = desk.tasks.progress(TENANT, task.task_id)
        done.append((page, rows, progress, list(desk.records.tasks(TENANT, ""))))
        desk.tasks.remove(TENANT, task.task_id)
        assert list(desk.records.states(TENANT, task.task_id, "DONE")) == []
        with pytest.raises(NotFound):
            desk.tasks.progress(TENANT, task.task_id)
    assert done[0] == done[1]
    assert list(table.query(f"TENANT#{TENANT}", "LABEL#")) == []


def test_should_write_nothing_where_a_state_has_changed(table: DynamoTable) -> None:
    put_tenant(table)
    table.put(Put({"pk": f"TENANT#{TENANT}", "sk": "DOCUMENT#doc_1"}))
    assert LabelTable(table).known_documents(TENANT, {"doc_1", "doc_2"}) == {"doc_1"}
    desk = Desk(LabelTable(table))
    task = opened(desk, count=1)
    (state,) = desk.records.states(TENANT, task.task_id, "OPEN")
    taken(desk, task, "ann")
    who = desk.records.reviewer(TENANT, task.task_id, "ben")
    stale = StateChange(state, state.model_copy(update={"done": True, "revision": 1}), (who, who))
    before = list(table.query(f"TENANT#{TENANT}", ""))
    assert not desk.records.change(TENANT, task, stale)
    assert list(table.query(f"TENANT#{TENANT}", "")) == before
