"""Bias of a classifier or a ranking: rates by group, and how far they lie apart.

Rates, gaps and the ratio are fairlearn's (https://fairlearn.org); their intervals are those of
`rate_intervals.py`. A gap is that of the two groups that are furthest apart, and a group that is
too small to tell leaves the gap out, with the reason, rather than itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations, permutations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.evaluation.intervals import ConfidenceInterval
from models.evaluation.rate_intervals import IndependentRows, RateSample, ResampledQueries
from models.failures import BadData, NotFinite

SELECTION, TPR, FPR = "selection_rate", "tpr", "fpr"
IMPACT = "impact_ratio"
SELECTION_GAP = "selection_gap"
GAPS: Mapping[str, str] = {SELECTION: SELECTION_GAP, TPR: "tpr_gap", FPR: "fpr_gap"}
LEAST_MEMBERS = 30
"""Members of a group below which a rate is not told: its interval could be 0.34 wide."""
LEAST_QUERIES = 20
"""Queries below which resampling them says little."""
MAX_GROUPS = 50
_COUNTED: Mapping[str, str] = {SELECTION: "", TPR: " whose label is 1", FPR: " whose label is 0"}

Values = NDArray[np.float64]
Rows = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class GroupRate:
    """A rate of a group with its 95 % interval; `members` is how many it is a share of."""

    value: float
    low: float
    high: float
    members: int


@dataclass(frozen=True, slots=True)
class BiasReport:
    """Rates by group, and how far they lie apart.

    `rates` has, by rate and group, what could be measured. `gaps` are the largest less the smallest
    rate, as `selection_gap`, `tpr_gap` and `fpr_gap`, and the smallest by the largest selection
    rate, the disparate impact, as `impact_ratio`. `unknown` says by name why one cannot be told.
    """

    rates: Mapping[str, Mapping[str, GroupRate]]
    gaps: Mapping[str, ConfidenceInterval]
    unknown: Mapping[str, str] = field(default_factory=dict)

    def numbers(self) -> dict[str, float]:
        """Return the gaps with their bounds as metrics, such as `tpr_gap`, `tpr_gap_high`."""
        found: dict[str, float] = {}
        for name, gap in self.gaps.items():
            found |= gap.numbers(name)
        return found

    def missing(self) -> dict[str, str]:
        """Return, by the name of each metric that `numbers` lacks, why it cannot be told."""
        return unknown_metrics(self.unknown)


def unknown_metrics(reasons: Mapping[str, str]) -> dict[str, str]:
    """Return why values cannot be told for the metrics of each: itself and its bounds."""
    ends = ("", "_low", "_high")
    return {name + end: reason for name, reason in reasons.items() for end in ends}


def measure_bias(
    groups: Sequence[str],
    selected: Values,
    labels: Values | None = None,
    queries: Sequence[str] | None = None,
    least_members: int = LEAST_MEMBERS,
) -> BiasReport:
    """Return rates by group and their gaps.

    Args:
        groups: the group of each row, [n].
        selected: 1 where the classifier says yes, or the ranking shows the row; else 0; [n].
        labels: 1 where yes is right, else 0; [n]. Without them there is neither TPR nor FPR.
        queries: the query of each row of rankings, [n]; None if rows are independent.
        least_members: a rate of fewer members of a group is not told, and no gap with it.

    Raises:
        BadData: the columns do not go together, or hold something else than 0 and 1.
        NotFinite: a value is nan or infinite.
    """
    members = _members(groups)
    _require_binary("prediction", selected, len(groups))
    counted = {SELECTION: np.ones(len(groups), bool)}
    if labels is not None:
        _require_binary("label", labels, len(groups))
        counted |= {TPR: labels == 1, FPR: labels == 0}
    if queries is not None and len(queries) != len(groups):
        raise BadData(f"There are {len(groups)} groups and {len(queries)} queries.")
    frame = _frame(groups, selected, labels)
    rates: dict[str, dict[str, GroupRate]] = {}
    gaps: dict[str, ConfidenceInterval] = {}
    unknown: dict[str, str] = {}
    for rate, rows in counted.items():
        sizes = {name: int((mine & rows).sum()) for name, mine in members.items()}
        values = {name: float(frame.by_group[rate][name]) for name in members}
        by_group = {name: mine & rows for name, mine in members.items() if sizes[name]}
        sample: RateSample = IndependentRows(selected, by_group)
        if queries is not None:
            sample = ResampledQueries(selected, by_group, queries)
        rates[rate] = {
            name: GroupRate(values[name], *sample.rate(name), sizes[name])
            for name in members
            if sizes[name] >= least_members
        }
        reason = _too_few(rate, sizes, least_members) or _too_few_queries(queries)
        if reason:
            unknown[GAPS[rate]] = reason
        else:
            gaps[GAPS[rate]] = _difference(sample, float(frame.difference()[rate]), list(members))
        if rate == SELECTION:
            if reason := reason or ("" if selected.any() else "nothing is selected"):
                unknown[IMPACT] = reason
            else:
                gaps[IMPACT] = _ratio(sample, float(frame.ratio()[rate]), list(members))
    return BiasReport(rates, gaps, unknown)


def top_of_rankings(queries: Sequence[str], scores: Values, top: int, seed: int = 0) -> Values:
    """Return 1 for each row that is among the `top` highest scores of its query, else 0; [n].

    Rows of one score are put in an order by chance, which favours no group, and is the same each
    time.

    Raises:
        NotFinite: a score is nan or infinite.
    """
    if broken := int((~np.isfinite(scores)).sum()):
        raise NotFinite(f"score is not a finite number in {broken} of {len(scores)} rows.")
    chance = np.random.default_rng(seed).random(len(scores))
    _, which = np.unique(np.asarray(queries, dtype=str), return_inverse=True)
    order = np.lexsort((chance, -scores, which))
    first = np.searchsorted(which[order], which[order], side="left")
    selected = np.zeros(len(scores))
    selected[order] = np.arange(len(scores)) - first < top
    return selected


def _members(groups: Sequence[str]) -> dict[str, Rows]:
    if empty := [row for row, name in enumerate(groups, 1) if not name]:
        raise BadData(f"row {empty[0]} has no group; leave it out, or give those a group.")
    names = sorted(set(groups))
    if len(names) < 2:
        raise BadData(f"There is {len(names)} group, {names}; a comparison takes two at least.")
    if len(names) > MAX_GROUPS:
        raise BadData(
            f"There are {len(names)} groups, such as {names[0]!r} and {names[1]!r}; {MAX_GROUPS} "
            "are the most. Join them to fewer."
        )
    every = np.asarray(groups, dtype=str)
    return {name: every == name for name in names}


def _require_binary(name: str, column: Values, rows: int) -> None:
    if len(column) != rows:
        raise BadData(f"There are {rows} groups, and {name} has {len(column)} rows.")
    if broken := int((~np.isfinite(column)).sum()):
        raise NotFinite(f"{name} is not a finite number in {broken} of {rows} rows.")
    if strange := column[(column != 0) & (column != 1)].tolist():
        raise BadData(f"{name} is 0 or 1 in each row, and {strange[0]:g} in one.")


def _frame(groups: Sequence[str], selected: Values, labels: Values | None) -> Any:
    """Return fairlearn's table of the rates by group."""
    # Imported on use: it brings pandas, which would delay the start of every training job.
    from fairlearn import metrics

    wanted = {SELECTION: metrics.selection_rate}
    if labels is not None:
        wanted |= {TPR: metrics.true_positive_rate, FPR: metrics.false_positive_rate}
    return metrics.MetricFrame(
        metrics=wanted,
        y_true=(selected if labels is None else labels).astype(int),
        y_pred=selected.astype(int),
        sensitive_features=np.asarray(groups, dtype=str),
    )


def _too_few(rate: str, sizes: Mapping[str, int], least: int) -> str:
    small = [f"{name} has {size}" for name, size in sizes.items() if size < least]
    if not small:
        return ""
    return f"{' and '.join(small)} members{_COUNTED[rate]}, and {least} are the least"


def _too_few_queries(queries: Sequence[str] | None) -> str:
    count = LEAST_QUERIES if queries is None else len(set(queries))
    if count >= LEAST_QUERIES:
        return ""
    return f"there are {count} queries, and {LEAST_QUERIES} are the least"


def _difference(sample: RateSample, gap: float, names: Sequence[str]) -> ConfidenceInterval:
    """Return the largest difference, bounded by those of all pairs, of which none is negative."""
    pairs = list(combinations(names, 2))
    found = [sample.difference(one, other, len(pairs)) for one, other in pairs]
    bounds = [each for low, high in found for each in ((low, high), (-high, -low))]
    low = max(0.0, *(low for low, _ in bounds))
    return ConfidenceInterval(gap, low, max(high for _, high in bounds))


def _ratio(sample: RateSample, ratio: float, names: Sequence[str]) -> ConfidenceInterval:
    """Return the smallest ratio, bounded by those of all pairs, of which none is above 1."""
    pairs = list(permutations(names, 2))
    found = [sample.ratio(one, other, len(pairs) // 2) for one, other in pairs]
    high = min(1.0, *(high for _, high in found))
    return ConfidenceInterval(ratio, min(low for low, _ in found), high)
