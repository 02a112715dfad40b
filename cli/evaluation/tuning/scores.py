"""Scores of models on the same rows, and paired differences between them. Pure, seeded."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from chalicelib.contracts.evaluations.results import ScoreInterval
from chalicelib.evaluation.statistics import (
    LEVEL,
    mean_interval,
    paired_shift,
    statistic_interval,
    wilson_bounds,
)

if TYPE_CHECKING:
    from chalicelib.contracts.evaluations.results import TargetOutcome

Draws = NDArray[np.int64]
Values = NDArray[np.float64]
LABEL_METRICS = ("macro_f1", "mcc")
"""Metrics of all rows together, which no single row has."""


@dataclass(frozen=True, slots=True)
class LabelledAnswers:
    """Wanted labels and those that a model gave, as numbers, [n]; -1 is no label that is known."""

    wanted: Draws
    given: Draws
    classes: int


def share_interval(values: Sequence[float], seed: int) -> ScoreInterval:
    """Return the mean of scores from 0 to 1 with its interval.

    A bootstrap of rows that are all alike has no width; the bounds are then Wilson's.
    """
    found = mean_interval(values, seed)
    if min(values) == max(values):
        low, high = wilson_bounds(found.mean, len(values))
        return found.model_copy(update={"low": low, "high": high})
    return found


def difference_interval(
    tuned: Sequence[float], other: Sequence[float], seed: int, level: float = LEVEL
) -> ScoreInterval:
    """Return the mean of tuned less other, paired by row, with its interval.

    Of right and wrong it is Newcombe's, which has a width also where all rows agree; of scores in
    between it is the bootstrap's.
    """
    moved = [one - two for one, two in zip(tuned, other, strict=True)]
    if len(set(moved)) == 1 or set(moved) <= {-1.0, 0.0, 1.0}:
        return paired_shift(moved, level)
    return mean_interval(moved, seed, level)


def label_interval(metric: str, answers: LabelledAnswers, seed: int) -> ScoreInterval:
    """Return a metric of labels, `macro_f1` or `mcc`, with its bootstrap interval."""
    return statistic_interval(
        lambda drawn: _STATISTICS[metric](answers, drawn), _count(answers), seed
    )


def label_difference(
    metric: str, tuned: LabelledAnswers, other: LabelledAnswers, seed: int, level: float = LEVEL
) -> ScoreInterval:
    """Return a metric of tuned less that of other with its paired bootstrap interval.

    Where every draw has the same difference, as of answers that are all alike, the bounds are those
    of the difference in accuracy.
    """
    statistic = _STATISTICS[metric]
    found = statistic_interval(
        lambda drawn: statistic(tuned, drawn) - statistic(other, drawn), _count(tuned), seed, level
    )
    if found.low is None or found.low < (found.high or 0.0):
        return found
    right = [(each.wanted == each.given).astype(float).tolist() for each in (tuned, other)]
    shift = difference_interval(right[0], right[1], seed, level)
    return found.model_copy(update={"low": shift.low, "high": shift.high})


def labelled_answers(outcomes: Sequence[TargetOutcome], wanted: Sequence[str]) -> LabelledAnswers:
    """Return answers as labels. A failed answer, or one that names no one label, is none."""
    names = {name.casefold(): at for at, name in enumerate(sorted(set(wanted)))}
    given = [_label_in(each.answer, names) if each.status == "graded" else -1 for each in outcomes]
    return LabelledAnswers(
        np.array([names[each.casefold()] for each in wanted]), np.array(given), len(names)
    )


def _label_in(answer: str, names: Mapping[str, int]) -> int:
    """Return the label that an answer is, or the only one that it names."""
    text = answer.strip().casefold()
    if text in names:
        return names[text]
    # A longer label counts once: "very good" does not name "good", too.
    found: list[str] = []
    for name in sorted(names, key=len, reverse=True):
        if name in text and not any(name in longer for longer in found):
            found.append(name)
    return names[found[0]] if len(found) == 1 else -1


def _count(answers: LabelledAnswers) -> int:
    return len(answers.wanted)


def _macro_f1(answers: LabelledAnswers, drawn: Draws) -> Values:
    """Return the mean F1 of the classes that a draw has rows of, [draws]."""
    wanted, given = answers.wanted[drawn], answers.given[drawn]
    total, present = np.zeros(len(drawn)), np.zeros(len(drawn))
    for each in range(answers.classes):
        is_wanted, is_given = wanted == each, given == each
        right = (is_wanted & is_given).sum(axis=1)
        both = is_wanted.sum(axis=1) + is_given.sum(axis=1)
        has = is_wanted.any(axis=1)
        total += np.where(has, 2 * right / np.maximum(both, 1), 0.0)
        present += has
    return np.asarray(total / np.maximum(present, 1), np.float64)


def _mcc(answers: LabelledAnswers, drawn: Draws) -> Values:
    """Return the correlation of wanted and given classes, 0 where one side has one class only.

    J. Gorodkin, Comparing two K-category assignments by a K-category correlation coefficient, 2004.
    """
    wanted, given = answers.wanted[drawn], answers.given[drawn]
    n = drawn.shape[1]
    right = (wanted == given).sum(axis=1)
    product, of_given, of_wanted = (np.zeros(len(drawn)) for _ in range(3))
    for each in range(-1, answers.classes):
        in_given, in_wanted = (given == each).sum(axis=1), (wanted == each).sum(axis=1)
        product += in_given * in_wanted
        of_given += in_given.astype(float) ** 2
        of_wanted += in_wanted.astype(float) ** 2
    spread = np.sqrt((n * n - of_given) * (n * n - of_wanted))
    return np.asarray(
        np.where(spread > 0, (right * n - product) / np.where(spread > 0, spread, 1), 0.0),
        np.float64,
    )


_STATISTICS: Mapping[str, Callable[[LabelledAnswers, Draws], Values]] = {
    "macro_f1": _macro_f1,
    "mcc": _mcc,
}
