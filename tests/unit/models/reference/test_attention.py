"""The oracles of attention, against values that were published or follow from the definition."""

from __future__ import annotations

import numpy as np
import pytest

from models.reference.attention import Heads, attention, rotated, sinusoids

RANDOM = np.random.default_rng(0)


def test_should_weigh_the_guides_example() -> None:
    """The guide says "close to [100, 0]"; softmax([1, 0] / sqrt(2)) says otherwise."""
    given, weights = attention(
        np.array([[1.0, 0.0]]), np.eye(2), np.array([[100.0, 0.0], [0.0, 200.0]])
    )
    assert weights[0] == pytest.approx([0.670, 0.330], abs=5e-4)
    assert given[0] == pytest.approx([67.0, 66.0], abs=0.05)


def test_should_mean_the_values_where_all_keys_are_alike() -> None:
    values = RANDOM.normal(size=(5, 3))
    given, weights = attention(RANDOM.normal(size=(2, 4)), np.ones((5, 4)), values)
    assert np.allclose(weights, 1 / 5)
    assert np.allclose(given, values.mean(axis=0))


def test_should_not_look_ahead_when_causal() -> None:
    rows, values = RANDOM.normal(size=(6, 4)), RANDOM.normal(size=(6, 4))
    given, weights = attention(rows, rows, values, causal=True)
    assert np.allclose(np.triu(weights, 1), 0)
    again, _ = attention(rows[:3], rows[:3], values[:3], causal=True)
    assert np.allclose(given[:3], again)
    cached, _ = attention(rows[-1:], rows, values, causal=True)
    assert np.allclose(cached, given[-1:])


def test_one_head_with_plain_weights_should_be_attention() -> None:
    rows = RANDOM.normal(size=(5, 4))
    plain = Heads(np.eye(4), np.eye(4), np.eye(4), np.eye(4), count=1)
    assert np.allclose(plain(rows), attention(rows, rows, rows)[0])


def test_heads_should_attend_each_in_its_own_dimensions() -> None:
    rows = RANDOM.normal(size=(5, 4))
    plain = Heads(np.eye(4), np.eye(4), np.eye(4), np.eye(4), count=2)
    apart = [attention(half, half, half)[0] for half in (rows[:, :2], rows[:, 2:])]
    assert np.allclose(plain(rows), np.concatenate(apart, axis=1))


def test_sinusoids_should_be_the_papers() -> None:
    found = sinusoids(3, 4)
    assert found[0].tolist() == [0, 1, 0, 1]
    wanted = [np.sin(2), np.cos(2), np.sin(2 / 100), np.cos(2 / 100)]
    assert found[2] == pytest.approx(wanted)


def test_sinusoids_of_a_shift_should_be_a_rotation_of_those_before() -> None:
    """Vaswani et al., 3.5: for a fixed offset, the encoding is a linear function of the other."""
    found = sinusoids(40, 8)
    products = [found[at] @ found[at + 7] for at in (0, 11, 30)]
    assert products == pytest.approx([products[0]] * 3)


def test_rotation_should_keep_lengths_and_depend_on_distance_alone() -> None:
    query, key = RANDOM.normal(size=8), RANDOM.normal(size=8)

    def product(left: int, right: int) -> float:
        turned = rotated(np.stack([query, key]), np.array([left, right]))
        return float(turned[0] @ turned[1])

    assert product(3, 5) == pytest.approx(product(103, 105))
    assert product(3, 5) != pytest.approx(product(3, 6))
    turned = rotated(np.stack([query, key]), np.array([9, 0]))
    assert np.linalg.norm(turned[0]) == pytest.approx(np.linalg.norm(query))
    assert np.allclose(turned[1], key)
