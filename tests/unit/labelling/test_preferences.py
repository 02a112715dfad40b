"""Pairs of labels and ratings, and the gate that refuses what should not be trained on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.improvement_loop import pair_items, run_raters
from benchmarks.shares import wilson
from chalicelib.contracts.answer_log import LoggedAnswer, Rating
from chalicelib.contracts.feedback import FeedbackRow
from chalicelib.contracts.label_results import (
    AgreementCoefficient,
    ExportedLabel,
    LabellingProgress,
    LabelProvenance,
    PreferenceRow,
    ReviewerProgress,
)
from chalicelib.contracts.quality_limits import QualityLimits
from chalicelib.labelling.preferences import PairCollection, PreferencePair, collect_pairs
from chalicelib.labelling.quality_gate import check_quality, share_low
from tests.unit.labelling.fakes import NOW

LIMITS = QualityLimits(min_pairs=2)
PAIRS = PairCollection(
    tuple(PreferencePair(f"P{n}?", "Good.", "Bad.", (f"label:t/{n}",)) for n in range(2)), 0
)


def label(chosen: str, rejected: str, item: str = "1", prompt: str = "Why?") -> ExportedLabel:
    return ExportedLabel(
        part="train",
        row=PreferenceRow(prompt=prompt, chosen=chosen, rejected=rejected),
        provenance=LabelProvenance(
            task_id="lt_1", item_id=item, id=item, label="a", decided_by="majority",
            votes={"a": 3}, reviewers=("ann",),
        ),
    )  # fmt: skip


def rating(name: str, answer: str, rated: Rating = "down", correction: str = "") -> FeedbackRow:
    asked = LoggedAnswer(
        id=name, kind="answer", question="why", asked_as="Why?", answer=answer,
        model="m", asked_at=NOW,
    )  # fmt: skip
    return FeedbackRow(
        feedback_id=name, rating=rated, correction=correction, asked=asked, received_at=NOW
    )


def progress(
    alpha: float | None = 0.8, gold: tuple[tuple[int, int], ...] = ((20, 20), (20, 19))
) -> LabellingProgress:
    reviewers = tuple(
        ReviewerProgress(
            reviewer=f"r{n}", labelled=100, skipped=0, late=0, gold_labelled=of, gold_right=right,
            gold_accuracy=right / of,
        )
        for n, (of, right) in enumerate(gold)
    )  # fmt: skip
    agreement = AgreementCoefficient(alpha=alpha, measurement="nominal", items=100, labels=200)
    return LabellingProgress(
        task_id="lt_1", status="open", items=100, gold_items=20, open=0, decided=100, undecided=0,
        adjudicated=0, labels=200, skips=0, agreement=agreement, positions=None,
        reviewers=reviewers,
    )  # fmt: skip


def test_should_make_pairs_of_corrections_and_of_answers_rated_up_and_down() -> None:
    ratings = [
        rating("fb_1", "Bad.", correction="Best."),
        rating("fb_2", "Good.", "up"),
        rating("fb_3", "Good."),
        rating("fb_4", ""),
    ]
    found = collect_pairs([label("Best.", "Bad.")], ratings)
    assert [(each.chosen, each.rejected, each.sources) for each in found.pairs] == [
        ("Best.", "Bad.", ("label:lt_1/1", "rating:fb_1")),
        ("Good.", "Bad.", ("rating:fb_2", "rating:fb_1")),
    ]
    assert found.contradictory == 0


def test_should_give_no_pair_where_sources_contradict_each_other() -> None:
    found = collect_pairs(
        [label("A.", "B."), label("B.", "A.", "2"), label("A.", "B.", "3", "How?")], ()
    )
    assert [each.prompt for each in found.pairs] == ["How?"]
    assert (found.contradictory, found.contradictory_share) == (1, 0.5)


@pytest.mark.parametrize(
    ("pairs", "of_task", "why"),
    [
        (replace(PAIRS, pairs=PAIRS.pairs[:1]), progress(), "there is 1 pair, and 2"),
        (replace(PAIRS, contradictory=1), progress(), "contradict each other on 33%"),
        (PAIRS, progress(alpha=0.1), "an alpha of 0.10, and 0.40"),
        (PAIRS, progress(alpha=None), "no agreement can be measured"),
        (PAIRS, progress(gold=()), "no gold item was labelled"),
        (PAIRS, progress(gold=((20, 20), (20, 9))), "29 of 40 gold labels are right"),
        (PAIRS, progress(gold=((4, 4),)), "4 of 4 gold labels are right, which shows 51%"),
    ],
)
def test_should_refuse_and_say_why(
    pairs: PairCollection, of_task: LabellingProgress, why: str
) -> None:
    report = check_quality(pairs, [of_task], LIMITS)
    assert not report.passed
    assert len(report.refusals) == 1
    assert why in report.refusals[0]


def test_should_pass_what_is_enough_and_name_reviewers_below() -> None:
    report = check_quality(PAIRS, [progress(gold=((200, 199), (5, 3)))], LIMITS)
    assert report.passed
    assert report.tasks[0].below == ("r1",)
    assert check_quality(PAIRS, (), LIMITS).passed, "ratings alone have no reviewers to measure"
    asks_nothing = replace(LIMITS, min_alpha=0, min_gold_accuracy=0)
    assert check_quality(PAIRS, [progress(None, ())], asks_nothing).passed


@pytest.mark.parametrize(("hits", "of"), [(0, 3), (2, 3), (19, 20), (870, 1000)])
def test_the_bound_of_a_share_is_wilsons(hits: int, of: int) -> None:
    assert share_low(hits, of) == pytest.approx(wilson(hits, of)[0])


def test_should_refuse_raters_of_whom_half_are_poisoned() -> None:
    words = ("great .", "awful .", "really lovely .", "very rude .", "kind .", "not kind .")
    drawn = {f"the food {n} was": [(word, True) for word in words] for n in range(80)}
    items = pair_items(drawn, seed=0)
    honest, passed = run_raters(items, 0, 0.0)
    assert passed.passed, passed.refusals
    assert len(honest.pairs) >= 100
    _, refused = run_raters(items, 0, 0.5)
    assert not refused.passed
    assert "gold labels are right" in refused.refusals[-1]


def test_a_question_that_many_rate_should_not_outweigh_all_others() -> None:
    ratings = [rating(f"{n}", f"Answer {n}.", "up" if n % 2 else "down") for n in range(2_000)]
    found = collect_pairs([], ratings)
    assert len(found.pairs) == 100
    assert {int(each.chosen.split()[1].rstrip(".")) for each in found.pairs} == {
        *range(1_981, 2_000, 2)
    }
