from __future__ import annotations

import numpy as np
import pytest

from models.reference.losses import (
    binary_cross_entropy,
    calibrated,
    cross_entropy,
    elbo,
    info_nce,
    kl_to_standard_normal,
    perplexity,
    ppo_clipped,
)

RANDOM = np.random.default_rng(1)


def test_binary_cross_entropy_should_be_the_guides() -> None:
    told = binary_cross_entropy(np.array([1.0, 0, 1]), np.array([0.9, 0.2, 0.7]))
    assert told == pytest.approx(0.228, abs=5e-4)


def test_cross_entropy_should_be_the_log_of_the_classes_where_nothing_is_known() -> None:
    assert cross_entropy(np.zeros((3, 10)), np.array([0, 4, 9])) == pytest.approx(np.log(10))
    assert perplexity(np.zeros((3, 10)), np.array([0, 4, 9])) == pytest.approx(10)


def test_cross_entropy_should_stand_large_logits() -> None:
    assert cross_entropy(np.array([[1000.0, 0.0]]), np.array([1])) == pytest.approx(1000)


def test_kl_should_be_nothing_for_the_prior_and_half_the_square_of_a_shift() -> None:
    mean, log_variance = np.array([[0.0, 0], [3, 4]]), np.zeros((2, 2))
    assert kl_to_standard_normal(mean, log_variance).tolist() == [0, 12.5]


def test_kl_should_be_what_sampling_finds() -> None:
    mean, log_variance = np.array([[0.7, -1.2]]), np.array([[-0.5, 0.3]])
    deviation = np.exp(log_variance / 2)
    drawn = mean + deviation * RANDOM.normal(size=(400_000, 2))
    ours = -0.5 * (((drawn - mean) / deviation) ** 2 + log_variance + np.log(2 * np.pi))
    prior = -0.5 * (drawn**2 + np.log(2 * np.pi))
    sampled = (ours - prior).sum(axis=1).mean()
    assert sampled == pytest.approx(kl_to_standard_normal(mean, log_variance)[0], abs=0.01)


def test_elbo_should_reach_the_likelihood_with_the_true_posterior() -> None:
    """p(z) = N(0, 1), p(x|z) = N(z, s): p(x) = N(0, 1 + s), and q = N(x / (1 + s), s / (1 + s))."""
    x, s = 1.3, 0.4
    posterior, variance = x / (1 + s), s / (1 + s)
    drawn = posterior + np.sqrt(variance) * RANDOM.normal(size=(400_000, 1))
    count = len(drawn)
    told = elbo(
        np.full((count, 1), x),
        drawn,
        np.full((count, 1), posterior),
        np.full((count, 1), np.log(variance)),
        s,
    ).mean()
    exact = -0.5 * (x**2 / (1 + s) + np.log(2 * np.pi * (1 + s)))
    assert told == pytest.approx(exact, abs=0.01)


def test_info_nce_should_be_the_log_of_the_batch_where_nothing_is_told_apart() -> None:
    alike = np.ones((8, 3))
    assert info_nce(alike, alike, 0.07) == pytest.approx(np.log(8))
    assert info_nce(np.eye(8) * 5, np.eye(8), 0.01) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(
    ("ratio", "advantage", "wanted"),
    [(1.5, 1.0, 1.2), (1.5, -1.0, -1.5), (0.5, 1.0, 0.5), (0.5, -1.0, -0.8), (1.1, 2.0, 2.2)],
)
def test_ppo_should_clip_as_figure_1_of_its_paper(
    ratio: float, advantage: float, wanted: float
) -> None:
    told = ppo_clipped(np.log([ratio]), np.zeros(1), np.array([advantage]), 0.2)
    assert told == pytest.approx(wanted)


def test_temperature_should_keep_the_order_and_flatten() -> None:
    logits = np.array([[2.0, 1.0, 0.0]])
    sharp, flat = calibrated(logits, 0.5), calibrated(logits, 5.0)
    assert sharp[0, 0] > flat[0, 0] > flat[0, 1] > flat[0, 2]
    assert flat.sum() == pytest.approx(1)
