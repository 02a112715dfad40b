"""What the labels of an item and of a task come to: decisions, agreement, progress. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from chalicelib.contracts.label_results import (
    AgreementCoefficient,
    GivenLabel,
    LabellingProgress,
    PositionCounts,
    ReviewerProgress,
)
from chalicelib.contracts.labelling import SIDES, DecisionSource, LabellingTask
from chalicelib.labelling.agreement import krippendorff_alpha
from chalicelib.labelling.records import Assignment, ItemState, LabelText


@dataclass(frozen=True, slots=True)
class LabelDecision:
    """The label of an item, and who decided it."""

    label: str
    source: DecisionSource


def decision(state: ItemState, reviews: int) -> LabelDecision | None:
    """Return the label of an item that is done, None if it needs an adjudication.

    An adjudication decides, and otherwise the label of more than half of the `reviews`. An item
    that was skipped too often has fewer labels, and they do not decide.
    """
    if state.adjudication is not None:
        return LabelDecision(state.adjudication.label, "adjudication")
    votes = votes_of(state)
    if not state.done or sum(votes.values()) < reviews:
        return None
    label, count = max(votes.items(), key=lambda each: each[1])
    return LabelDecision(label, "majority") if 2 * count > reviews else None


def labelled(state: ItemState) -> list[Assignment]:
    """Return the assignments that ended with a label."""
    return [each for each in state.assignments if each.status == "labelled"]


def votes_of(state: ItemState) -> Mapping[str, int]:
    """Return how many reviewers gave each label."""
    return Counter(each.label for each in labelled(state))


def given_labels(state: ItemState, texts: Mapping[str, LabelText]) -> tuple[GivenLabel, ...]:
    """Return what each reviewer said of an item, with their texts by claim."""
    return tuple(
        GivenLabel(
            reviewer=each.reviewer,
            label=each.label,
            skipped=each.skipped,
            swapped=each.swapped,
            late=each.late,
            correction=texts.get(each.claim_id, LabelText()).correction,
            comment=texts.get(each.claim_id, LabelText()).comment,
            at=each.ended_at,
        )
        for each in state.assignments
        if each.ended_at is not None
    )


def progress(
    task: LabellingTask, states: Iterable[ItemState], gold: Iterable[ItemState]
) -> LabellingProgress:
    """Return how far a task is, of the states of its items and of its gold items."""
    ordinary, golden = list(states), list(gold)
    done = [state for state in ordinary if state.done]
    decided = sum(decision(state, task.reviews) is not None for state in done)
    ended = [each for state in (*ordinary, *golden) for each in state.assignments if each.ended_at]
    return LabellingProgress(
        task_id=task.task_id,
        status=task.status,
        items=task.items,
        gold_items=task.gold_items,
        open=len(ordinary) - len(done),
        decided=decided,
        undecided=len(done) - decided,
        adjudicated=sum(state.adjudication is not None for state in done),
        labels=sum(len(labelled(state)) for state in ordinary),
        skips=sum(each.status == "skipped" for each in ended),
        agreement=agreement_of(task, ordinary),
        positions=_positions(ended) if task.kind == "pair" else None,
        reviewers=_reviewers(ordinary, golden),
    )


def agreement_of(task: LabellingTask, states: Sequence[ItemState]) -> AgreementCoefficient:
    """Return Krippendorff's alpha of the labels of `states`."""
    given = [[each.label for each in labelled(state)] for state in states]
    units = [labels for labels in given if len(labels) > 1]
    return AgreementCoefficient(
        alpha=krippendorff_alpha(units, task.choices, task.measurement),
        measurement=task.measurement,
        items=len(units),
        labels=sum(map(len, units)),
    )


def _positions(ended: Sequence[Assignment]) -> PositionCounts:
    given = [each for each in ended if each.status == "labelled"]
    preferring = [each for each in given if each.label in SIDES]
    first = sum(SIDES.index(each.label) == each.swapped for each in preferring)
    swapped = sum(each.swapped for each in given)
    return PositionCounts(
        a_first=len(given) - swapped,
        b_first=swapped,
        preferred_first=first,
        preferred_second=len(preferring) - first,
    )


def _reviewers(
    ordinary: Sequence[ItemState], golden: Sequence[ItemState]
) -> tuple[ReviewerProgress, ...]:
    of_reviewer: dict[str, list[tuple[Assignment, str]]] = {}
    for state in (*ordinary, *golden):
        for each in state.assignments:
            if each.ended_at is not None:
                of_reviewer.setdefault(each.reviewer, []).append((each, state.gold))
    return tuple(_reviewer(name, ended) for name, ended in sorted(of_reviewer.items()))


def _reviewer(name: str, ended: Sequence[tuple[Assignment, str]]) -> ReviewerProgress:
    given = [(each, gold) for each, gold in ended if each.status == "labelled"]
    measured = [(each.label, gold) for each, gold in given if gold]
    right = sum(label == gold for label, gold in measured)
    return ReviewerProgress(
        reviewer=name,
        labelled=len(given) - len(measured),
        skipped=len(ended) - len(given),
        late=sum(each.late for each, _ in ended),
        gold_labelled=len(measured),
        gold_right=right,
        gold_accuracy=right / len(measured) if measured else None,
    )
