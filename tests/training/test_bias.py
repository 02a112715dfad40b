"""Bias by group: against tables that were worked by hand, coverage, and what a gate must refuse."""

from __future__ import annotations

import math

import numpy as np
import pytest

from chalicelib.contracts.model_manifest import ModelOrigin, Signature
from models.evaluation.bias import (
    BiasReport,
    measure_bias,
    top_of_rankings,
    unknown_metrics,
)
from models.evaluation.intervals import ConfidenceInterval
from models.evaluation.rate_intervals import IndependentRows
from models.export.card_markdown import card_markdown
from models.export.model_card import model_card
from models.failures import BadData, BelowGate, NotFinite
from models.training import recipe
from models.training.gates import Gate, require_gates

Z = 1.959963984540054
"""The 97.5 % quantile of the normal distribution."""


def table(**cells: tuple[int, int, int, int]) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Return groups, predictions and labels of a table: by group, TP, FN, FP and TN."""
    groups: list[str] = []
    told: list[float] = []
    labels: list[float] = []
    for name, counts in cells.items():
        for count, (prediction, label) in zip(
            counts, ((1, 1), (0, 1), (1, 0), (0, 0)), strict=True
        ):
            groups += [name] * count
            told += [prediction] * count
            labels += [label] * count
    return groups, np.array(told, float), np.array(labels, float)


def wilson(hits: int, of: int) -> tuple[float, float]:
    """Wilson's interval, (p + z²/2n ± z √(p(1-p)/n + z²/4n²)) / (1 + z²/n), written out."""
    p, z2 = hits / of, Z * Z
    middle, half = p + z2 / (2 * of), Z * math.sqrt(p * (1 - p) / of + z2 / (4 * of * of))
    return (middle - half) / (1 + z2 / of), (middle + half) / (1 + z2 / of)


def test_rates_and_gaps_should_be_those_of_a_table_worked_by_hand() -> None:
    # north: TP 40, FN 10, FP 20, TN 30, of 100: selected 40 + 20 = 60 of 100, 0.6.
    #   TPR 40 / (40 + 10) = 0.8, FPR 20 / (20 + 30) = 0.4.
    # south: TP 15, FN 25, FP 15, TN 45, of 100: selected 15 + 15 = 30 of 100, 0.3.
    #   TPR 15 / (15 + 25) = 0.375, FPR 15 / (15 + 45) = 0.25.
    # Gaps: 0.6 - 0.3 = 0.3; 0.8 - 0.375 = 0.425; 0.4 - 0.25 = 0.15. Impact: 0.3 / 0.6 = 0.5.
    found = measure_bias(*table(north=(40, 10, 20, 30), south=(15, 25, 15, 45)))
    assert found.unknown == {}
    rates = {
        name: {group: (each.value, each.members) for group, each in by_group.items()}
        for name, by_group in found.rates.items()
    }
    assert rates == {
        "selection_rate": {"north": (0.6, 100), "south": (0.3, 100)},
        "tpr": {"north": (0.8, 50), "south": (0.375, 40)},
        "fpr": {"north": (0.4, 50), "south": (0.25, 60)},
    }
    told = {name: gap.mean for name, gap in found.gaps.items()}
    assert told == pytest.approx(
        {"selection_gap": 0.3, "impact_ratio": 0.5, "tpr_gap": 0.425, "fpr_gap": 0.15}
    )
    north = found.rates["tpr"]["north"]
    assert (north.low, north.high) == pytest.approx(wilson(40, 50))


def test_the_interval_of_a_gap_should_be_newcombes() -> None:
    # R. G. Newcombe, 1998, table II, case (a): 56/70 less 48/80 is 0.2, by method 10 from 0.0524 to
    # 0.3339; case (b), 9/10 less 3/10: 0.1705 to 0.8090; (h), 10/10 less 0/10: 0.6075 to 1.
    for hits, of, low, high in (
        ((56, 48), (70, 80), 0.0524, 0.3339),
        ((9, 3), (10, 10), 0.1705, 0.8090),
        ((10, 0), (10, 10), 0.6075, 1.0),
    ):
        groups = ["a"] * of[0] + ["b"] * of[1]
        told = np.array(
            [float(n < h) for h, size in zip(hits, of, strict=True) for n in range(size)]
        )
        gap = measure_bias(groups, told, least_members=10).gaps["selection_gap"]
        assert (gap.low, gap.high) == pytest.approx((low, high), abs=5e-5)


def test_the_interval_of_a_ratio_should_be_mover_r() -> None:
    # 30 of 100 by 60 of 100. Wilson's bounds are 0.2189 to 0.3958 and 0.5020 to 0.6906, so that
    # low  = 0.2189 (0.6 - 0.2189) / (0.18 + √(0.18² - 0.2189·0.6906·(0.6-0.2189)·(1.2-0.6906)))
    #      = 0.08342 / (0.18 + √(0.0324 - 0.02935)) = 0.08342 / 0.2352 = 0.3546
    # high = (0.18 + √(0.18² - 0.3958·0.5020·(0.6-0.3958)·(1.2-0.5020))) / (0.5020 (1.2-0.5020))
    #      = (0.18 + √(0.0324 - 0.02832)) / 0.3504 = 0.2439 / 0.3504 = 0.6960
    groups, told, labels = table(north=(40, 10, 20, 30), south=(15, 25, 15, 45))
    ratio = measure_bias(groups, told, labels).gaps["impact_ratio"]
    assert (ratio.low, ratio.mean, ratio.high) == pytest.approx((0.3546, 0.5, 0.6960), abs=5e-4)
    equal = measure_bias(["a"] * 50 + ["b"] * 50, np.tile([1.0, 0.0], 50)).gaps["impact_ratio"]
    assert equal.mean == equal.high == 1
    assert 0.6 < equal.low < 0.8


def test_a_gap_should_be_that_of_the_groups_furthest_apart_with_room_for_all_pairs() -> None:
    # 0.9, 0.5 and 0.2 selected of 100: the gap is 0.9 - 0.2 = 0.7, the ratio 0.2 / 0.9 = 0.2222.
    groups = [name for name in "abc" for _ in range(100)]
    told = np.array([float(n < most) for most in (90, 50, 20) for n in range(100)])
    three = measure_bias(groups, told)
    assert three.gaps["selection_gap"].mean == pytest.approx(0.7)
    assert three.gaps["impact_ratio"].mean == pytest.approx(0.2 / 0.9)
    outer = [row for row, name in enumerate(groups) if name != "b"]
    two = measure_bias([groups[row] for row in outer], told[outer])
    wide, narrow = three.gaps["selection_gap"], two.gaps["selection_gap"]
    assert wide.low < narrow.low < 0.7 < narrow.high < wide.high


def test_intervals_of_equal_groups_should_hold_a_gap_of_nothing_at_least_as_often_as_said() -> None:
    rng = np.random.default_rng(0)
    rows = {name: np.arange(120) // 40 == at for at, name in enumerate("abc")}
    apart = 0
    for _ in range(300):
        sample = IndependentRows((rng.random(120) < 0.3).astype(float), rows)
        pairs = [sample.difference(*pair, 3) for pair in (("a", "b"), ("a", "c"), ("b", "c"))]
        apart += any(low > 0 or high < 0 for low, high in pairs)
    assert apart <= 300 * 0.05 + 3 * math.sqrt(300 * 0.05 * 0.95)


def gate(report: BiasReport) -> None:
    gates = {"tpr_gap_high": Gate(most=0.15), "impact_ratio_low": Gate(least=0.6)}
    require_gates(gates, report.numbers(), report.missing())


def test_a_gate_should_pass_a_fair_classifier_and_refuse_one_biased_on_purpose() -> None:
    gate(measure_bias(*table(north=(160, 40, 40, 160), south=(158, 42, 41, 159))))
    with pytest.raises(BelowGate, match=r"tpr_gap_high is 0\.4\d* and may be 0\.15 at most"):
        gate(measure_bias(*table(north=(160, 40, 40, 160), south=(90, 110, 40, 160))))


def test_a_gate_should_refuse_what_looks_fair_by_too_few_members() -> None:
    few = measure_bias(*table(north=(160, 40, 40, 160), south=(6, 1, 2, 40)))
    assert set(few.gaps) == {"selection_gap", "impact_ratio", "fpr_gap"}
    reason = "south has 7 members whose label is 1, and 30 are the least"
    with pytest.raises(BelowGate, match=f"tpr_gap_high cannot be told: {reason}"):
        gate(few)
    # With 30 members the interval is too wide for the gate, though the rates are the same.
    scarce = measure_bias(*table(north=(160, 40, 40, 160), south=(24, 6, 6, 24)))
    assert scarce.gaps["tpr_gap"].mean == 0
    with pytest.raises(BelowGate, match="tpr_gap_high is"):
        gate(scarce)


def test_should_tell_that_a_ratio_divides_by_nothing() -> None:
    found = measure_bias(["a"] * 40 + ["b"] * 40, np.zeros(80))
    assert found.unknown == {"impact_ratio": "nothing is selected"}
    assert found.gaps["selection_gap"].mean == 0
    nobody = measure_bias(["a"] * 40 + ["b"] * 40, np.repeat([0.0, 1.0], 40)).gaps["impact_ratio"]
    assert (nobody.mean, nobody.low) == (0, 0)
    assert nobody.high < 0.2


@pytest.mark.parametrize(
    ("groups", "told", "labels", "kind", "message"),
    [
        (["a", "b"], [1.0, math.nan], None, NotFinite, "prediction is not a finite number in 1"),
        (["a", "b"], [1.0, 0.0], [math.inf, 0.0], NotFinite, "label is not a finite number in 1"),
        (["a", "b"], [1.0, 0.5], None, BadData, "prediction is 0 or 1 in each row, and 0.5 in one"),
        (["a", ""], [1.0, 0.0], None, BadData, "row 2 has no group"),
        (["a", "a"], [1.0, 0.0], None, BadData, "There is 1 group"),
        (["a", "b", "b"], [1.0, 0.0], None, BadData, "prediction has 2 rows"),
        ([str(n) for n in range(60)], [1.0] * 60, None, BadData, "60 groups"),
    ],
)
def test_should_name_what_is_wrong_with_the_columns(
    groups: list[str],
    told: list[float],
    labels: list[float] | None,
    kind: type[Exception],
    message: str,
) -> None:
    with pytest.raises(kind, match=message):
        measure_bias(groups, np.array(told), None if labels is None else np.array(labels))


def test_a_ranking_should_select_the_top_of_each_query() -> None:
    queries = ["x", "x", "x", "y", "y", "y"]
    scores = np.array([0.1, 0.9, 0.5, 7.0, 3.0, 5.0])
    assert top_of_rankings(queries, scores, 1).tolist() == [0, 1, 0, 1, 0, 0]
    assert top_of_rankings(queries, scores, 2).tolist() == [0, 1, 1, 1, 0, 1]
    ties = top_of_rankings(["x"] * 1000, np.zeros(1000), 500)
    assert 200 < ties[:500].sum() < 300
    with pytest.raises(NotFinite, match="score is not a finite number in 1 of 2 rows"):
        top_of_rankings(["x", "x"], np.array([1.0, math.nan]), 1)


def rankings(queries: int, shift: float) -> tuple[list[str], np.ndarray, list[str]]:
    """Return groups, what the top three of ten shows, and queries; `shift` favours group a."""
    rng = np.random.default_rng(1)
    names = [str(n // 10) for n in range(queries * 10)]
    groups = ["a" if n % 2 else "b" for n in range(queries * 10)]
    # What all of one query have in common: those rows are not independent.
    scores = rng.normal(size=queries * 10) + shift * np.array([each == "a" for each in groups])
    return groups, top_of_rankings(names, scores, 3), names


def test_a_biased_ranking_should_be_told_from_a_fair_one_by_its_queries() -> None:
    groups, shown, queries = rankings(100, 0.0)
    fair = measure_bias(groups, shown, queries=queries).gaps["selection_gap"]
    assert fair.low == 0
    assert fair.high < 0.2
    groups, shown, queries = rankings(100, 1.5)
    biased = measure_bias(groups, shown, queries=queries)
    assert biased.gaps["selection_gap"].low > 0.2
    assert biased.gaps["impact_ratio"].high < 0.5
    groups, shown, queries = rankings(10, 1.5)
    few = measure_bias(groups, shown, queries=queries)
    assert few.unknown["selection_gap"] == "there are 10 queries, and 20 are the least"


def test_a_fair_ranking_of_many_groups_should_hardly_ever_look_biased() -> None:
    """Of 66 pairs each has tails of 1 in 2,640, and of 2,000 draws none needs to lie there."""
    told = 0
    for seed in range(25):
        rng = np.random.default_rng(seed)
        names = [str(n // 24) for n in range(20 * 24)]
        groups = [f"g{n % 12}" for n in range(20 * 24)]
        shown = top_of_rankings(names, rng.normal(size=len(names)), 8)
        found = measure_bias(groups, shown, queries=names)
        told += found.gaps["selection_gap"].low > 0 or found.gaps["impact_ratio"].high < 1
    assert told <= 1


def test_rows_of_one_query_should_count_as_one_draw() -> None:
    # Each query shows all of one group or none of it: 40 draws, not 400 rows.
    queries = [str(n // 10) for n in range(400)]
    groups = ["a" if n % 2 else "b" for n in range(400)]
    shown = np.array([float((n // 10) % 2 == n % 2) for n in range(400)])
    by_query = measure_bias(groups, shown, queries=queries).rates["selection_rate"]["a"]
    by_row = measure_bias(groups, shown).rates["selection_rate"]["a"]
    assert by_query.value == by_row.value == 0.5
    assert by_query.high - by_query.low > 2 * (by_row.high - by_row.low)


def test_queries_that_are_all_alike_should_be_no_proof() -> None:
    # Each of 20 queries shows one of two of a, and one of two of b: Wilson's bound of 0 of 20 is
    # z² / (20 + z²) = 3.8415 / 23.8415 = 0.1611.
    queries = [str(n // 4) for n in range(80)]
    shown = np.tile([1.0, 0.0, 1.0, 0.0], 20)
    found = measure_bias(["a", "a", "b", "b"] * 20, shown, queries=queries)
    rate, gap = found.rates["selection_rate"]["a"], found.gaps["selection_gap"]
    assert (rate.low, rate.high) == pytest.approx((0.5 - 0.1611, 0.5 + 0.1611), abs=5e-5)
    assert (gap.low, gap.mean, gap.high) == pytest.approx((0, 0, 2 * 0.1611), abs=2e-4)
    ratio = found.gaps["impact_ratio"]
    assert (ratio.low, ratio.high) == pytest.approx((0.3389 / 0.6611, 1), abs=5e-4)


def test_numbers_should_have_the_names_of_gates() -> None:
    report = BiasReport({}, {"tpr_gap": ConfidenceInterval(0.2, 0.1, 0.3)}, {"fpr_gap": "no"})
    assert report.numbers() == {"tpr_gap": 0.2, "tpr_gap_low": 0.1, "tpr_gap_high": 0.3}
    assert report.missing() == {"fpr_gap": "no", "fpr_gap_low": "no", "fpr_gap_high": "no"}


def test_a_card_should_say_what_cannot_be_told_and_that_it_may_not_serve() -> None:
    found = recipe.load("late_fusion")
    settings = recipe.resolve(found, "tiny")
    signature = Signature(
        name="late_fusion-tiny",
        family="fusion",
        licence="Apache-2.0",
        graphs={},
        constants={},
        metrics={"accuracy_both": 0.9},
        origin=ModelOrigin(
            recipe="late_fusion",
            preset="tiny",
            seed=0,
            steps=1,
            data="0" * 64,
            code="0" * 64,
            torch="2",
            device="cpu",
        ),
    )
    reasons = unknown_metrics({"accuracy_gap": "women has 9 members, and 30 are the least"})
    card = card_markdown(model_card(found, settings, signature, [], {}, reasons))
    told = "cannot be told: women has 9 members, and 30 are the least"
    assert f"| accuracy_gap_high | {told} | at most 0.15 |" in card
    assert f"accuracy_gap_high {told}; swap_changes_high was not measured." in card
