"""What is tried next, and whether a Gaussian process finds more than chance does."""

from __future__ import annotations

import math

import pytest

from localcloud.sagemaker.tuning.ranges import SearchSpace
from localcloud.sagemaker.tuning.strategies import EvaluatedSettings, Strategy, propose

SPACE = SearchSpace.from_ranges(
    {
        "ContinuousParameterRanges": [
            {"Name": "rate", "MinValue": "0.0001", "MaxValue": "1", "ScalingType": "Logarithmic"}
        ],
        "IntegerParameterRanges": [{"Name": "width", "MinValue": "1", "MaxValue": "64"}],
        "CategoricalParameterRanges": [{"Name": "kind", "Values": ["a", "b", "c"]}],
    }
)
FEW = SearchSpace.from_ranges(
    {"CategoricalParameterRanges": [{"Name": "kind", "Values": ["a", "b", "c"]}]}
)


def worth(values: dict[str, str]) -> float:
    """Return a score that is the best at rate 0.01, width 20, kind b, where it is 0."""
    rate = math.log10(float(values["rate"])) + 2
    width = (int(values["width"]) - 20) / 32
    return -(rate**2) - width**2 - (values["kind"] != "b")


def best_of(strategy: Strategy, seed: int, count: int) -> float:
    tried: list[EvaluatedSettings] = []
    for _ in range(count):
        values = propose(strategy, SPACE, seed, tried)
        assert values is not None
        tried.append(EvaluatedSettings(values, worth(values)))
    return max(each.score for each in tried if each.score is not None)


@pytest.mark.parametrize("strategy", ["Random", "Bayesian"])
def test_the_same_seed_and_trials_should_give_the_same_settings(strategy: Strategy) -> None:
    tried = [
        EvaluatedSettings(SPACE.settings_at([at / 7, at / 7, at / 7]), float(at)) for at in range(6)
    ]
    assert propose(strategy, SPACE, 3, tried) == propose(strategy, SPACE, 3, tried)
    assert propose(strategy, SPACE, 3, tried) != propose(strategy, SPACE, 4, tried)


def test_a_gaussian_process_should_find_better_settings_than_chance() -> None:
    seeds = range(8)
    by_process = [best_of("Bayesian", seed, 18) for seed in seeds]
    by_chance = [best_of("Random", seed, 18) for seed in seeds]
    better = sum(one > other for one, other in zip(by_process, by_chance, strict=True))
    assert better >= 6
    assert sorted(by_process)[4] > -0.1


@pytest.mark.parametrize("strategy", ["Grid", "Random", "Bayesian"])
def test_every_combination_should_be_tried_once_and_then_none(strategy: Strategy) -> None:
    tried: list[EvaluatedSettings] = []
    while (values := propose(strategy, FEW, 1, tried)) is not None:
        tried.append(EvaluatedSettings(values, float(len(tried))))
    assert sorted(each.values["kind"] for each in tried) == ["a", "b", "c"]


def test_trials_that_go_on_should_not_be_tried_a_second_time() -> None:
    tried = [
        EvaluatedSettings(SPACE.settings_at([at / 7, at / 7, at / 7]), float(-at))
        for at in range(6)
    ]
    for _ in range(4):
        values = propose("Bayesian", SPACE, 3, tried)
        assert values is not None
        assert values not in [each.values for each in tried]
        tried.append(EvaluatedSettings(values, None))
