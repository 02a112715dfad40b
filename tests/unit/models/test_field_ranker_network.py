"""The network that ranks candidates learns listwise, with the choice of none."""

from __future__ import annotations

import numpy as np
import pytest

from models.failures import BelowGate
from models.field_ranker.network import (
    FieldLists,
    Scale,
    Weights,
    initial,
    joined,
    learn,
    loss_and_slopes,
    require_learned,
    shares,
)

FEATURES, FIELDS, EACH = 5, 2, 6


def made_lists(count: int, seed: int) -> FieldLists:
    """Return fields whose value is where one feature is large and another far from 0.

    A fifth of them have none.
    """
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(count * EACH, FEATURES))
    field = np.repeat(np.arange(count), EACH)
    signal = np.abs(features[:, 0]) + features[:, 1]
    best = signal.reshape(count, EACH).argmax(axis=1)
    right = np.zeros((count, EACH), dtype=bool)
    absent = np.arange(count) % 5 == 0
    right[np.arange(count), best] = ~absent
    none = np.column_stack([absent.astype(float), rng.normal(size=count)])
    return FieldLists(features, field, right.reshape(-1), none)


def test_slopes_should_be_the_derivatives_of_the_loss() -> None:
    lists = made_lists(9, 1)
    weights = initial(FEATURES, FIELDS, 2)
    _, slopes = loss_and_slopes(weights, lists)
    step = 1e-6
    for at, (part, slope) in enumerate(zip(weights.parts(), slopes.parts(), strict=True)):
        parts = [each.copy() for each in weights.parts()]
        parts[at].flat[0] = part.flat[0] + step
        higher, _ = loss_and_slopes(Weights(*parts), lists)
        parts[at].flat[0] = part.flat[0] - step
        lower, _ = loss_and_slopes(Weights(*parts), lists)
        assert slope.flat[0] == pytest.approx((higher - lower) / (2 * step), abs=1e-6)


def test_learned_weights_should_choose_on_fields_that_were_not_seen() -> None:
    train, test = made_lists(400, 3), made_lists(200, 4)
    weights, loss = learn(train, 1, lambda found: loss_and_slopes(found, test)[0], epochs=80)
    candidates, none = shares(weights, test)
    table, right = candidates.reshape(-1, EACH), test.right.reshape(-1, EACH)
    absent = ~right.any(axis=1)
    chosen = table.argmax(axis=1) == right.argmax(axis=1)
    assert loss < loss_and_slopes(initial(FEATURES, FIELDS, 1), test)[0] / 2
    assert chosen[~absent].mean() > 0.8
    assert none[absent].mean() > 0.5 > 0.2 > none[~absent].mean()
    assert np.allclose(table.sum(axis=1) + none, 1)


def test_a_joined_network_should_score_as_the_mean_of_its_members() -> None:
    lists = made_lists(8, 6)
    members = [initial(FEATURES, FIELDS, seed) for seed in range(3)]
    logs = [np.log(np.append(*shares(each, lists))) for each in members]
    mean = np.append(*shares(joined(members), lists))
    apart = np.mean(logs, axis=0) - np.log(mean)
    fields = np.append(lists.field, np.arange(lists.count))
    for number in range(lists.count):
        assert np.ptp(apart[fields == number]) < 1e-9


def test_weights_at_chance_should_be_refused_and_learned_ones_not() -> None:
    lists = made_lists(60, 7)
    weights = initial(FEATURES, FIELDS, 1)
    even = Weights(*(np.zeros_like(part) for part in weights.parts()))
    learned, loss = learn(lists, 1, lambda found: loss_and_slopes(found, lists)[0], epochs=20)
    require_learned(loss, lists)
    assert loss_and_slopes(learned, lists)[0] == loss
    for refused in (loss_and_slopes(even, lists)[0], float("nan"), float("inf")):
        with pytest.raises(BelowGate, match="equal shares"):
            require_learned(refused, lists)


def test_lists_of_some_fields_should_keep_their_candidates() -> None:
    lists = made_lists(10, 5)
    some = lists.of(np.array([7, 2]))
    assert some.count == 2
    assert np.array_equal(some.features[:EACH], lists.features[7 * EACH : 8 * EACH])
    assert some.field.tolist() == [0] * EACH + [1] * EACH
    assert Scale.of(np.ones((3, 2))).apply(np.ones((3, 2))).tolist() == [[0.0, 0.0]] * 3


def test_a_feature_that_never_varies_should_have_no_weight() -> None:
    scale = Scale.of(np.array([[1.0, 2.0], [1.0, 3.0]]))
    assert scale.known(np.full((2, 2), 7.0)).tolist() == [[0.0, 0.0], [7.0, 7.0]]
