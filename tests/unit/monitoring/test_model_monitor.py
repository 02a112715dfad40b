"""Baselines in the formats of SageMaker Model Monitor, ours and those of its containers."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from chalicelib.errors import InvalidInput
from chalicelib.monitoring.features import FeatureValues
from chalicelib.monitoring.model_monitor import baseline_files, read_baseline_files
from chalicelib.monitoring.two_samples import ks_distance

RNG = np.random.default_rng(3)
VALUES = FeatureValues(
    400,
    {"latency": RNG.lognormal(6, 0.5, 400), "cost": np.full(380, 5.0)},
    {"language": {"en": 300, "de": 100}, "failed": {"no": 400}},
)


def numeric(name: str, kll: dict[str, Any]) -> dict[str, Any]:
    """Return a feature as a container of SageMaker writes it."""
    common = {"num_present": 400, "num_missing": 0}
    statistics = {"common": common, "mean": 3.0, "distribution": {"kll": kll}}
    return {"name": name, "inferred_type": "Fractional", "numerical_statistics": statistics}


def read(*features: dict[str, Any]) -> FeatureValues:
    dataset = {"item_count": 400}
    body = {"version": 0.0, "dataset": dataset, "features": features}
    return read_baseline_files(json.dumps(body).encode(), None)


def test_what_was_written_should_be_read_as_it_was() -> None:
    files = baseline_files(VALUES)
    found = read_baseline_files(files["statistics.json"], files["constraints.json"])
    assert found.calls == 400
    assert np.array_equal(found.numbers["latency"], np.sort(VALUES.numbers["latency"]))
    assert found.categories == VALUES.categories


def test_files_should_have_what_the_containers_of_model_monitor_read() -> None:
    files = {name: json.loads(body) for name, body in baseline_files(VALUES).items()}
    by_name = {each["name"]: each for each in files["statistics.json"]["features"]}
    latency = by_name["latency"]["numerical_statistics"]
    assert latency["common"] == {"num_present": 400, "num_missing": 0}
    assert latency["min"] <= latency["mean"] <= latency["max"]
    buckets = latency["distribution"]["kll"]["buckets"]
    assert len(buckets) == 10
    assert sum(each["count"] for each in buckets) == 400
    assert by_name["cost"]["inferred_type"] == "Integral"
    assert by_name["cost"]["numerical_statistics"]["common"]["num_missing"] == 20
    assert by_name["language"]["string_statistics"]["distinct_count"] == 2
    limits = {each["name"]: each for each in files["constraints.json"]["features"]}
    assert limits["cost"]["completeness"] == 0.95
    assert limits["cost"]["num_constraints"] == {"is_non_negative": True}
    assert limits["language"]["string_constraints"] == {"domains": ["de", "en"]}
    compared = files["constraints.json"]["monitoring_config"]["distribution_constraints"]
    assert compared["perform_comparison"] == "Enabled"


def test_a_sketch_should_count_its_levels_by_their_weights() -> None:
    sketch = {"parameters": {"c": 0.64, "k": 2048}, "data": [[9.0, 1.0], [], [5.0]]}
    values = read(numeric("latency", {"buckets": [], "sketch": sketch})).numbers["latency"]
    assert values.tolist() == [1.0, 5.0, 5.0, 5.0, 5.0, 9.0]


def test_buckets_should_do_where_there_is_no_sketch() -> None:
    counts, edges = np.histogram(VALUES.numbers["latency"], 10)
    buckets = [
        {"lower_bound": low, "upper_bound": high, "count": int(n)}
        for n, low, high in zip(counts, edges[:-1], edges[1:], strict=True)
    ]
    values = read(numeric("latency", {"buckets": buckets})).numbers["latency"]
    assert len(values) == 400
    assert ks_distance(values, VALUES.numbers["latency"]) < 0.15


def test_many_values_should_be_thinned_to_as_many_as_a_baseline_has() -> None:
    sketch = {"data": [[], [], [], sorted(RNG.normal(0, 1, 2_000).tolist())]}
    values = read(numeric("input_length", {"sketch": sketch})).numbers["input length"]
    assert len(values) == 2_000
    assert abs(float(values.mean())) < 0.1


def test_columns_that_are_no_feature_of_calls_should_be_left_out() -> None:
    sketch = {"sketch": {"data": [[1.0, 2.0]]}}
    found = read(numeric("_c0", sketch), numeric("latency", sketch))
    assert set(found.numbers) == {"latency"}
    with pytest.raises(InvalidInput, match="no distribution of a feature of calls") as raised:
        read(numeric("_c0", sketch))
    assert raised.value.field == "work.baseline.statistics"


@pytest.mark.parametrize(
    "distribution",
    [
        {"sketch": {"data": [[float("nan"), 1.0]]}},
        {"sketch": {"data": [[float("inf")]]}},
        {"buckets": [{"lower_bound": 0.0, "upper_bound": 1.0, "count": 1e308}] * 10},
        {"buckets": [{"lower_bound": -1.7e308, "upper_bound": 1.7e308, "count": 4}]},
    ],
)
def test_numbers_that_nothing_can_be_compared_with_should_be_refused(
    distribution: dict[str, Any],
) -> None:
    with pytest.raises(InvalidInput, match="is not of Model Monitor's format"):
        read(numeric("latency", distribution))
