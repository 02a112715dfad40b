"""The gate of preference data: what is too little, too contradictory or too careless to train on.

Reviewers who label by chance, or against what they are asked for, agree with nobody and miss gold
items. So every task has to show that its reviewers agree, and that they find known labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

from chalicelib.contracts.label_results import LabellingProgress
from chalicelib.contracts.quality_limits import QualityLimits
from chalicelib.labelling.preferences import PairCollection

_Z = 1.96
"""Standard deviations of a 95 % interval."""


@dataclass(frozen=True, slots=True)
class TaskQuality:
    """What a task shows of its reviewers; None where nothing could be measured."""

    task_id: str
    alpha: float | None
    gold_labels: int
    gold_right: int
    below: tuple[str, ...]
    """Reviewers who found less of the gold labels than the gate asks for."""

    @property
    def gold_accuracy(self) -> float | None:
        """Return the share of gold labels that are right."""
        return self.gold_right / self.gold_labels if self.gold_labels else None


@dataclass(frozen=True, slots=True)
class QualityReport:
    """What preference data shows, and why it is not to be trained on; no reason passes."""

    pairs: int
    contradictory: int
    tasks: tuple[TaskQuality, ...]
    refusals: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Return whether the data may be trained on."""
        return not self.refusals


def check_quality(
    collection: PairCollection, progress: Sequence[LabellingProgress], limits: QualityLimits
) -> QualityReport:
    """Return what pairs and the tasks that they are of show, held to `limits`.

    Ratings have no reviewers who could be measured: for them only number and contradictions count.
    """
    tasks = tuple(_task_quality(each, limits) for each in progress)
    refusals = []
    if len(collection.pairs) < limits.min_pairs:
        there_are = _there_are(len(collection.pairs), "pair")
        refusals.append(f"{there_are}, and {limits.min_pairs} at least are needed")
    if collection.contradictory_share > limits.max_contradictory:
        refusals.append(
            f"sources contradict each other on {collection.contradictory_share:.0%} of what they "
            f"compare, and may on {limits.max_contradictory:.0%}"
        )
    for task in tasks:
        refusals += _task_refusals(task, limits)
    return QualityReport(
        pairs=len(collection.pairs),
        contradictory=collection.contradictory,
        tasks=tasks,
        refusals=tuple(refusals),
    )


def _there_are(number: int, what: str) -> str:
    return f"there is 1 {what}" if number == 1 else f"there are {number} {what}s"


def share_low(hits: int, of: int) -> float:
    """Return the lower end of Wilson's 95 % interval of a share of `of`, 1 at least."""
    share = hits / of
    centre = share + _Z**2 / (2 * of)
    spread = _Z * sqrt(share * (1 - share) / of + _Z**2 / (4 * of**2))
    return (centre - spread) / (1 + _Z**2 / of)


def _task_quality(progress: LabellingProgress, limits: QualityLimits) -> TaskQuality:
    below = [
        each.reviewer
        for each in progress.reviewers
        if each.gold_accuracy is not None and each.gold_accuracy < limits.min_gold_accuracy
    ]
    return TaskQuality(
        task_id=progress.task_id,
        alpha=progress.agreement.alpha,
        gold_labels=sum(each.gold_labelled for each in progress.reviewers),
        gold_right=sum(each.gold_right for each in progress.reviewers),
        below=tuple(below),
    )


def _task_refusals(task: TaskQuality, limits: QualityLimits) -> list[str]:
    refusals = []
    if limits.min_alpha and task.alpha is None:
        refusals.append(
            f"{task.task_id}: no agreement can be measured; have two reviewers at least label an "
            "item"
        )
    elif limits.min_alpha and task.alpha is not None and task.alpha < limits.min_alpha:
        refusals.append(
            f"{task.task_id}: reviewers agree by an alpha of {task.alpha:.2f}, and "
            f"{limits.min_alpha:.2f} at least is needed"
        )
    if not limits.min_gold_accuracy:
        return refusals
    if not task.gold_labels:
        refusals.append(f"{task.task_id}: no gold item was labelled; add some with a known label")
    elif share_low(task.gold_right, task.gold_labels) < limits.min_gold_accuracy:
        low = share_low(task.gold_right, task.gold_labels)
        refusals.append(
            f"{task.task_id}: {task.gold_right} of {task.gold_labels} gold labels are right, which "
            f"shows {low:.0%} at least, and {limits.min_gold_accuracy:.0%} are needed"
        )
    return refusals
