from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from chalicelib.monitoring.drift import ALARM_PERIOD, compare, look_share
from chalicelib.monitoring.features import (
    EmbeddingProjection,
    FeatureValues,
    fit_and_project,
    spread_evenly,
)


def test_looks_should_spend_no_more_than_their_time_of_the_false_alarms() -> None:
    hour = timedelta(hours=1)
    assert sum(look_share(hour, 0.05) for _ in range(30 * 24)) == pytest.approx(0.05)
    assert look_share(10 * ALARM_PERIOD, 0.05) == 0.05
    assert look_share(-hour, 0.05) == 0


def test_a_change_should_be_sure_and_large_and_the_level_be_shared_by_features() -> None:
    rng = np.random.default_rng(0)
    base = FeatureValues(
        2_000,
        {"latency": rng.normal(100, 10, 2_000), "length": rng.normal(50, 5, 2_000)},
        {"refused": {"no": 1_900, "yes": 100}, "language": {"en": 1_990, "de": 6, "fr": 4}},
    )
    window = FeatureValues(
        1_000,
        {"latency": rng.normal(101.5, 10, 1_000), "length": rng.normal(70, 5, 1_000)},
        {"refused": {"no": 700, "yes": 300}, "language": {"en": 993, "de": 4, "fr": 3}},
    )
    look = compare(base, window, 0.05, 0.1)
    assert look.level == 0.05 / 4
    assert {each.name for each in look.drifted} == {"length", "refused"}
    found = {each.name: each for each in look.features}
    assert (found["refused"].category, found["refused"].window) == ("yes", 0.3)
    assert found["latency"].psi < 0.1
    # A tenth of the calls more that are refused is sure, and yet too small for this monitor.
    assert "refused" not in {each.name for each in compare(base, window, 0.05, 5.0).drifted}


def test_features_of_few_values_or_of_one_side_should_not_be_compared() -> None:
    base = FeatureValues(100, {"cost": np.ones(100)}, {"class": {"cat": 100}})
    window = FeatureValues(100, {"cost": np.ones(10)}, {"unsafe": {"no": 100}})
    assert compare(base, window, 0.05, 0.1).features == ()


def test_a_class_that_is_new_should_be_found_among_many() -> None:
    base = FeatureValues(500, {}, {"class": {f"c{n}": 50 for n in range(10)}})
    counts = {f"c{n}": 18 for n in range(10)} | {"new": 20}
    (found,) = compare(base, FeatureValues(200, {}, {"class": counts}), 1e-4, 0.1).drifted
    assert (found.category, found.baseline) == ("new", 0)


def test_a_sample_should_not_be_nearer_to_its_own_projection_than_new_ones() -> None:
    rng = np.random.default_rng(3)
    vectors = rng.normal(size=(400, 64)).astype(np.float32)
    projection, base = fit_and_project("m", "input", vectors)
    new = projection.numbers("input", rng.normal(size=(200, 64)).astype(np.float32))
    assert list(base) == ["input PC1", "input PC2", "input PC3", "input distance"]
    look = compare(FeatureValues(400, base), FeatureValues(200, new), 0.05, 0.1)
    assert look.drifted == ()
    own = EmbeddingProjection.fit("m", vectors).numbers("input", vectors)["input PC1"]
    assert own.std() > 1.2 * new["input PC1"].std()


def test_places_should_be_spread_from_the_first_to_the_last() -> None:
    assert spread_evenly(3, 5).tolist() == [0, 1, 2]
    assert spread_evenly(101, 5).tolist() == [0, 25, 50, 75, 100]
