from __future__ import annotations

import numpy as np
import pytest

from models.reference.classics import TwoLayers, k_means, spread
from models.reference.diffusion import (
    add_noise,
    cosine_betas,
    ddim_step,
    guided,
    kept_shares,
    linear_betas,
    one_step,
)

RANDOM = np.random.default_rng(2)


def test_all_steps_at_once_should_have_the_variance_of_one_after_another() -> None:
    betas = linear_betas(20, last=0.3)
    rows = np.full(200_000, 2.0)
    for beta in betas:
        rows = one_step(rows, RANDOM.normal(size=rows.shape), beta)
    kept = kept_shares(betas)[-1]
    assert rows.mean() == pytest.approx(2 * np.sqrt(kept), abs=0.01)
    assert rows.var() == pytest.approx(1 - kept, abs=0.01)


def test_schedules_should_end_in_noise() -> None:
    assert kept_shares(linear_betas(1000))[-1] == pytest.approx(4.0e-5, rel=0.02)
    shares = kept_shares(cosine_betas(1000))
    assert shares[0] > 0.9999
    assert shares[499] == pytest.approx(0.4938, abs=1e-3)
    assert shares[-1] < 1e-5
    assert np.all(np.diff(shares) < 0)


def test_ddim_should_find_back_with_the_true_noise() -> None:
    clean, noise = RANDOM.normal(size=5), RANDOM.normal(size=5)
    shares = kept_shares(cosine_betas(100))
    rows = add_noise(clean, noise, shares[80])
    for later, earlier in ((80, 40), (40, 10)):
        rows = ddim_step(rows, noise, shares[later], shares[earlier])
    assert rows == pytest.approx(add_noise(clean, noise, shares[10]))
    assert ddim_step(rows, noise, shares[10], 1.0) == pytest.approx(clean)


def test_guidance_should_begin_with_either_and_go_beyond() -> None:
    one, other = np.array([2.0]), np.array([1.0])
    assert [guided(one, other, weight)[0] for weight in (0, 1, 3)] == [1, 2, 4]


def net(inputs: int = 3, hidden: int = 5, classes: int = 4) -> TwoLayers:
    return TwoLayers(
        RANDOM.normal(size=(inputs, hidden)),
        RANDOM.normal(size=hidden),
        RANDOM.normal(size=(hidden, classes)),
        RANDOM.normal(size=classes),
    )


def test_back_propagation_should_be_the_difference_quotient() -> None:
    rows, classes = RANDOM.normal(size=(6, 3)), RANDOM.integers(0, 4, 6)
    made = net()
    loss, gradient = made.gradient(rows, classes)
    for name in ("first", "first_bias", "second", "second_bias"):
        weights = getattr(made, name)
        told = np.empty_like(weights)
        for at in np.ndindex(weights.shape):
            before = weights[at]
            weights[at] = before + 1e-6
            higher, _ = made.gradient(rows, classes)
            weights[at] = before
            told[at] = (higher - loss) / 1e-6
        assert getattr(gradient, name) == pytest.approx(told, abs=1e-5)


def test_a_net_should_learn_what_no_straight_line_parts() -> None:
    rows = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]])
    classes = np.array([0, 1, 1, 0])
    made = net(2, 8, 2)
    for _ in range(2000):
        loss, gradient = made.gradient(rows, classes)
        made = made.less(gradient, 0.5)
    assert loss < 0.01
    assert made.logits(rows).argmax(axis=1).tolist() == classes.tolist()


def test_k_means_should_find_clouds_and_lower_the_spread() -> None:
    truth = np.array([[0.0, 0], [10, 0], [0, 10]])
    rows = np.concatenate([each + RANDOM.normal(size=(50, 2)) for each in truth])
    start = rows[[0, 1, 149]]
    centres, nearest = k_means(rows, start)
    assert len(set(nearest.tolist())) == 3
    once, at_first = k_means(rows, start, most=1)
    assert spread(rows, centres, nearest) <= spread(rows, once, at_first)
    for at in range(3):
        assert centres[at] == pytest.approx(rows[nearest == at].mean(axis=0))


def test_k_means_should_leave_a_centre_that_has_no_rows() -> None:
    centres, nearest = k_means(np.array([[0.0], [1.0]]), np.array([[0.5], [99.0]]))
    assert centres.tolist() == [[0.5], [99.0]]
    assert nearest.tolist() == [0, 0]
