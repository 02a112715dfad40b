"""Losses and advantages of learning from preferences, against oracles and numbers by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from models.networks.online_settings import PpoSettings
from models.networks.online_task import Rollout, TokenValues, token_advantages
from models.networks.preference_losses import (
    adapted_beta,
    clipped_objective,
    clipped_value_loss,
    divergence,
    generalised_advantages,
    group_relative,
    leave_one_out,
    masked_mean,
    preference_loss,
    whiten,
)
from models.reference import losses
from models.reference.losses import dpo
from models.training import seeds


def test_the_objective_should_be_the_oracles() -> None:
    chance = np.random.default_rng(0)
    now, before, advantages = (chance.normal(size=200) for _ in range(3))
    ours = [torch.from_numpy(each) for each in (now, before, advantages)]
    told = clipped_objective(ours[0], ours[1], ours[2], 0.2).mean()
    assert float(-told) == pytest.approx(losses.ppo_clipped(now, before, advantages, 0.2))


def test_generalised_advantages_should_be_the_mean_of_all_horizons() -> None:
    chance = np.random.default_rng(1)
    values, given = chance.normal(size=(2, 1, 6))
    mask = np.array([[0.0, 1, 1, 1, 0, 0]])
    ours = [torch.from_numpy(each) for each in (given, values, mask)]
    told = generalised_advantages(ours[0], ours[1], ours[2], 0.9)
    wanted = losses.generalised_advantages(given[0, 1:4], values[0, 1:4], 0.9)
    assert np.allclose(told[0, 1:4].numpy(), wanted)
    assert not told[0, [0, 4, 5]].any()


def test_advantages_of_a_group_should_be_against_its_others() -> None:
    given = torch.tensor([1.0, 2.0, 6.0, 5.0, 5.0, 5.0])
    assert leave_one_out(given, 3).tolist() == [-3.0, -1.5, 4.5, 0.0, 0.0, 0.0]
    told = group_relative(given, 3)
    assert torch.allclose(told * given.std(), torch.tensor([-2.0, -1.0, 3.0, 0, 0, 0]), atol=1e-4)
    assert not group_relative(torch.ones(6), 3).any()
    mask = torch.tensor([[1.0, 1, 1], [1, 0, 0]])
    white = whiten(given.view(2, 3) * mask, mask)
    assert float(masked_mean(white, mask)) == pytest.approx(0, abs=1e-6)
    assert not white[1, 1:].any()


def test_the_divergence_should_be_none_at_the_reference_and_exact_on_average() -> None:
    ours, theirs = (torch.randn(6, generator=seeds.generator(at)).log_softmax(0) for at in (1, 2))
    assert not divergence(ours, ours).any()
    assert (divergence(ours, theirs) >= 0).all()
    exact = float((ours.exp() * (ours - theirs)).sum())
    assert float((ours.exp() * divergence(ours, theirs)).sum()) == pytest.approx(exact, rel=1e-5)


def test_dpos_loss_should_be_its_formula() -> None:
    chance = np.random.default_rng(2)
    ours, theirs = chance.normal(size=(2, 2, 50))
    told = preference_loss(
        torch.from_numpy(ours[0] - theirs[0]), torch.from_numpy(ours[1] - theirs[1]), 0.3
    )
    assert float(told) == pytest.approx(dpo((ours[0], ours[1]), (theirs[0], theirs[1]), 0.3))


def test_ppos_advantages_should_be_those_by_hand() -> None:
    """Rewards 1 and 0 at the ends, 0.1 a nat from the reference off each token, lambda 0.5.

    First row: what each token earns is -0.05, 0 and 0.95, its surprise -0.3, 0.5 and 0.2, and its
    advantage 0.2, then 0.5 + 0.5 0.2, then -0.3 + 0.5 0.6. Second row: earned 0 and -0.1, surprise
    0.1 and -0.3. Whitened over the five tokens, of mean 0.09 and deviation 0.30067.
    """
    settings = PpoSettings(steps=1, batch=2, learning_rate=0.1, beta=9, smoothing=0.5)
    mask = torch.tensor([[1.0, 1, 1], [1, 1, 0]])
    before = TokenValues(
        torch.tensor([[-1.0, -2, -0.5], [-1, -1, 7]]),
        torch.tensor([[0.5, 0.25, 0.75], [0.1, 0.2, 9]]),
    )
    reference = torch.tensor([[-1.5, -2, -1], [-1, -2, 3]])
    rollout = Rollout((), mask, torch.tensor([1.0, 0]), reference, 1.0)
    advantages, targets = token_advantages(rollout, before, "ppo", settings, beta=0.1)
    wanted = torch.tensor([[0.5, 0.85, 0.95], [0.05, -0.1, 0]])
    torch.testing.assert_close(targets * mask, wanted)
    plain = torch.tensor([[0, 0.6, 0.2], [-0.05, -0.3, 0]])
    torch.testing.assert_close(advantages, (plain - 0.09) / 0.300666 * mask, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("now", "before", "target", "clip", "error"),
    [
        (1.0, 0.5, 2.0, None, 1.0),
        (1.0, 0.5, 2.0, 0.2, 1.69),  # held at 0.7, so that going on to 2 gains nothing
        (0.4, 0.5, 0.0, 0.2, 0.16),  # within the bounds
        (-1.0, 0.5, 0.0, 0.2, 1.0),  # beyond the target it counts in full
    ],
)
def test_a_value_should_gain_nothing_beyond_its_bounds(
    now: float, before: float, target: float, clip: float | None, error: float
) -> None:
    told = clipped_value_loss(torch.tensor(now), torch.tensor(before), torch.tensor(target), clip)
    assert float(told) == pytest.approx(error)


@pytest.mark.parametrize(("kl", "beta"), [(12.0, 0.204), (0.0, 0.196), (6.6, 0.202), (6.0, 0.2)])
def test_the_weight_of_the_divergence_should_follow_its_target(kl: float, beta: float) -> None:
    assert adapted_beta(0.2, kl, target=6.0) == pytest.approx(beta)
