"""Baselines in the formats of SageMaker Model Monitor: `statistics.json` and `constraints.json`.

Our baselines are written so that Model Monitor's processing jobs can hold data against them, and
those that its containers made are read. A feature has the same name in both but for spaces, which
are `_` there. What embeddings add stays out of reading: their projections have no place there.

https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-interpreting-statistics.html
https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-byoc-constraints.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypeVar

import numpy as np
from pydantic import Field, ValidationError

from chalicelib.contracts.base import Contract
from chalicelib.errors import InvalidInput
from chalicelib.monitoring.features import (
    CATEGORY_FEATURES,
    NUMBER_FEATURES,
    FeatureValues,
    spread_evenly,
)
from chalicelib.monitoring.two_samples import Sample

STATISTICS, CONSTRAINTS = "statistics.json", "constraints.json"
Parsed = TypeVar("Parsed", bound=Contract)

BUCKETS = 10
"""As many as the containers make; they cannot be set there."""
SKETCH = {"c": 0.64, "k": 2048.0}
"""The parameters of the containers' KLL sketch. Level n of a sketch has values of weight 2^n; ours
have all values in level 0, which are fewer than k."""
MAX_VALUES = 2_000
"""Of a feature of a read baseline, spread evenly over its sketch: no baseline of ours has more."""
COMPARISON_THRESHOLD = 0.1


StatisticsNumber = Annotated[float, Field(ge=-1e300, le=1e300)]
"""A number of a file: finite, and so is the difference of two."""
MAX_COUNT = 2**53


class KllBucket(Contract):
    """How many values lie between two bounds."""

    lower_bound: StatisticsNumber
    upper_bound: StatisticsNumber
    count: float = Field(ge=0, le=MAX_COUNT)


class KllSketch(Contract):
    """The levels of a sketch: a value of level n stands for 2^n values."""

    data: tuple[tuple[StatisticsNumber, ...], ...] = Field(default=(), max_length=64)


class KllDistribution(Contract):
    """Numbers as buckets, and as the sketch that these were made of."""

    buckets: tuple[KllBucket, ...] = ()
    sketch: KllSketch | None = None


class NumericDistribution(Contract):
    """How numbers are distributed."""

    kll: KllDistribution | None = None


class NumericStatistics(Contract):
    """The statistics of a feature of numbers."""

    distribution: NumericDistribution = NumericDistribution()


class CategoryBucket(Contract):
    """How often there is a value."""

    value: str
    count: int = Field(ge=0, le=MAX_COUNT)


class CategoryCounts(Contract):
    """How often there is each value."""

    buckets: tuple[CategoryBucket, ...] = ()


class CategoryDistribution(Contract):
    """How texts are distributed, if they are few."""

    categorical: CategoryCounts | None = None


class TextStatistics(Contract):
    """The statistics of a feature of texts."""

    distribution: CategoryDistribution = CategoryDistribution()


class FeatureStatistics(Contract):
    """The statistics of one feature: of numbers, or of texts."""

    name: str
    numerical_statistics: NumericStatistics | None = None
    string_statistics: TextStatistics | None = None


class DatasetStatistics(Contract):
    """How many items the baseline is of."""

    item_count: int = Field(default=0, ge=0, le=MAX_COUNT)


class BaselineStatistics(Contract):
    """`statistics.json`."""

    dataset: DatasetStatistics = DatasetStatistics()
    features: tuple[FeatureStatistics, ...]


class DistributionConstraints(Contract):
    """Whether a feature's distribution is compared."""

    perform_comparison: str = "Enabled"


class FeatureOverrides(Contract):
    """The settings of one feature that override those of all features."""

    distribution_constraints: DistributionConstraints = DistributionConstraints()


class FeatureConstraints(Contract):
    """The constraints of one feature."""

    name: str
    monitoringConfigOverrides: FeatureOverrides = FeatureOverrides()  # noqa: N815 - the format's own


class BaselineConstraints(Contract):
    """`constraints.json`."""

    features: tuple[FeatureConstraints, ...]


def baseline_files(values: FeatureValues) -> dict[str, bytes]:
    """Return the values of a baseline as `statistics.json` and `constraints.json`."""
    numbers, categories = sorted(values.numbers.items()), sorted(values.categories.items())
    statistics = {
        "version": 0.0,
        "dataset": {"item_count": values.calls},
        "features": [
            *(_numeric_statistics(name, each, values.calls) for name, each in numbers),
            *(_text_statistics(name, each, values.calls) for name, each in categories),
        ],
    }
    constraints = {
        "version": 0.0,
        "features": [
            *(_numeric_constraints(name, each, values.calls) for name, each in numbers),
            *(_text_constraints(name, each, values.calls) for name, each in categories),
        ],
        "monitoring_config": {
            "evaluate_constraints": "Enabled",
            "emit_metrics": "Enabled",
            "datatype_check_threshold": 1.0,
            "domain_content_threshold": 1.0,
            "distribution_constraints": {
                "perform_comparison": "Enabled",
                "comparison_threshold": COMPARISON_THRESHOLD,
                "comparison_method": "Robust",
                "categorical_comparison_threshold": COMPARISON_THRESHOLD,
                "categorical_drift_method": "LInfinity",
            },
        },
    }
    return {STATISTICS: _json(statistics), CONSTRAINTS: _json(constraints)}


def read_baseline_files(statistics: bytes, constraints: bytes | None) -> FeatureValues:
    """Return the values of the features that a baseline's files have and calls have too.

    Args:
        statistics: `statistics.json`.
        constraints: `constraints.json`: a feature whose comparison it disables, or that it does
            not name, is left out. None leaves out nothing.

    Raises:
        InvalidInput: a file is not of the format, or has no feature of calls.
    """
    found = _parsed(BaselineStatistics, statistics, STATISTICS, "work.baseline.statistics")
    compared: set[str] | None = None
    if constraints is not None:
        given = _parsed(BaselineConstraints, constraints, CONSTRAINTS, "work.baseline.constraints")
        compared = {
            each.name
            for each in given.features
            if each.monitoringConfigOverrides.distribution_constraints.perform_comparison
            != "Disabled"
        }
    numbers: dict[str, Sample] = {}
    categories: dict[str, dict[str, int]] = {}
    for feature in found.features:
        name = feature.name.replace("_", " ")
        if compared is not None and feature.name not in compared:
            continue
        if name in NUMBER_FEATURES and feature.numerical_statistics is not None:
            values = _values(feature.numerical_statistics.distribution.kll)
            numbers |= {name: values} if len(values) else {}
        elif name in CATEGORY_FEATURES and feature.string_statistics is not None:
            counts = feature.string_statistics.distribution.categorical or CategoryCounts()
            categories |= {name: {each.value: each.count for each in counts.buckets}}
    if not numbers and not categories:
        known = ", ".join(_named(each) for each in (*NUMBER_FEATURES, *CATEGORY_FEATURES))
        raise InvalidInput(
            f"{STATISTICS} has no distribution of a feature of calls; those are {known}.",
            field="work.baseline.statistics",
        )
    return FeatureValues(found.dataset.item_count, numbers, categories)


def _parsed(contract: type[Parsed], body: bytes, name: str, field: str) -> Parsed:
    try:
        return contract.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        raise InvalidInput(
            f"{name} is not of Model Monitor's format: {place}: {first['msg']}.", field=field
        ) from error


def _values(found: KllDistribution | None) -> Sample:
    """Return values that are distributed as a sketch is, or else as its buckets are."""
    if found is None:
        return np.empty(0)
    if found.sketch is not None and any(found.sketch.data):
        levels = [np.array(each, np.float64) for each in found.sketch.data]
        values = np.concatenate(levels)
        weights = np.concatenate([np.full(len(each), 2.0**n) for n, each in enumerate(levels)])
        order = np.argsort(values)
        return _quantiles(values[order], weights[order])
    filled = [each for each in found.buckets if each.count]
    if not filled:
        return np.empty(0)
    parts = [
        each.lower_bound
        + (each.upper_bound - each.lower_bound) * (np.arange(_shown(each)) + 0.5) / _shown(each)
        for each in filled
    ]
    weight_of = [each.count / _shown(each) for each in filled]
    return _quantiles(np.concatenate(parts), np.repeat(weight_of, list(map(len, parts))))


def _shown(bucket: KllBucket) -> int:
    return int(min(max(1.0, bucket.count), MAX_VALUES))


def _quantiles(values: Sample, weights: Sample) -> Sample:
    """Return sorted values of weights as values of the weight 1, `MAX_VALUES` at most."""
    whole = float(weights.sum())
    count = int(min(MAX_VALUES, max(1, round(whole))))
    places = (np.arange(count) + 0.5) / count * whole
    taken: Sample = values[np.searchsorted(np.cumsum(weights), places).clip(max=len(values) - 1)]
    return taken


def _numeric_statistics(name: str, values: Sample, calls: int) -> dict[str, Any]:
    kept = np.sort(values)[spread_evenly(len(values), int(SKETCH["k"]))]
    counts, edges = np.histogram(values, BUCKETS)
    bounds = zip(counts, edges[:-1], edges[1:], strict=True)
    return {
        "name": _named(name),
        "inferred_type": _number_type(values),
        "numerical_statistics": {
            "common": _presence(len(values), calls),
            "mean": float(values.mean()),
            "sum": float(values.sum()),
            "std_dev": float(values.std()),
            "min": float(values.min()),
            "max": float(values.max()),
            "distribution": {
                "kll": {
                    "buckets": [
                        {"lower_bound": float(low), "upper_bound": float(high), "count": int(n)}
                        for n, low, high in bounds
                    ],
                    "sketch": {"parameters": SKETCH, "data": [kept.tolist()]},
                }
            },
        },
    }


def _text_statistics(name: str, counts: Mapping[str, int], calls: int) -> dict[str, Any]:
    return {
        "name": _named(name),
        "inferred_type": "String",
        "string_statistics": {
            "common": _presence(sum(counts.values()), calls),
            "distinct_count": len(counts),
            "distribution": {
                "categorical": {
                    "buckets": [{"value": value, "count": n} for value, n in sorted(counts.items())]
                }
            },
        },
    }


def _numeric_constraints(name: str, values: Sample, calls: int) -> dict[str, Any]:
    return {
        "name": _named(name),
        "inferred_type": _number_type(values),
        "completeness": _completeness(len(values), calls),
        "num_constraints": {"is_non_negative": bool(values.min() >= 0)},
    }


def _text_constraints(name: str, counts: Mapping[str, int], calls: int) -> dict[str, Any]:
    return {
        "name": _named(name),
        "inferred_type": "String",
        "completeness": _completeness(sum(counts.values()), calls),
        "string_constraints": {"domains": sorted(counts)},
    }


def _presence(present: int, calls: int) -> dict[str, int]:
    return {"num_present": present, "num_missing": max(0, calls - present)}


def _completeness(present: int, calls: int) -> float:
    return min(1.0, present / calls) if calls else 1.0


def _number_type(values: Sequence[float] | Sample) -> str:
    return "Integral" if bool(np.all(np.mod(values, 1) == 0)) else "Fractional"


def _named(feature: str) -> str:
    return feature.replace(" ", "_")


def _json(content: object) -> bytes:
    return json.dumps(content, indent=1).encode()
