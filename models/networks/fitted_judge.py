"""A judge of answers that is fitted to held-out pairs: a linear score of a base's vectors.

Bradley and Terry's model: Rank analysis of incomplete block designs, Biometrika 39, 1952. The pairs
that it is fitted to are of other prompts than those that it judges, and none was trained on. It is
fitted with the difference of lengths beside the vectors and judges without that, as Y. Dubois et
al., https://arxiv.org/abs/2404.04475, do, so that length by itself earns nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from models.networks.preference_rows import ReadAnswers

FOLDS = 5
RIDGE = 0.01
"""The weight of the squares of the judge's weights, beside the mean loss of a pair."""
_ITERATIONS = 100


@dataclass(frozen=True, slots=True)
class FittedJudge:
    """One linear score for each fold of the prompts, fitted to the pairs of the others."""

    folds: torch.Tensor
    """The fold of each prompt, [n]."""
    weights: torch.Tensor
    """[folds, width]."""

    def margins(self, one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        """Return how much better answers are than others to the same prompts, [n].

        Both are vectors of answers, [n, width].
        """
        return ((one - other) * self.weights[self.folds]).sum(dim=1)

    @property
    def fingerprint(self) -> str:
        """Return a hash of what it is fitted to."""
        rounded = np.round(self.weights.double().numpy(), 6)
        return hashlib.sha256(rounded.tobytes()).hexdigest()


def fit_judge(
    chosen: ReadAnswers, rejected: ReadAnswers, prompts: Sequence[Hashable], judged: int
) -> FittedJudge:
    """Fit a judge to pairs, of which the first `judged` are those whose prompts it judges.

    Args:
        chosen: the better answers, as the base reads them.
        rejected: the worse ones.
        prompts: the prompt of each pair; pairs of one prompt are of one fold.
        judged: how many pairs have a fold; the others are in the fit of every fold.
    """
    apart = chosen.vectors - rejected.vectors
    longer = torch.log(chosen.tokens / rejected.tokens)
    of_prompt = {prompt: at for at, prompt in enumerate(dict.fromkeys(prompts[:judged]))}
    order = np.random.default_rng(0).permutation(len(of_prompt))
    folds = torch.tensor([order[of_prompt[each]] % FOLDS for each in prompts[:judged]])
    every = torch.full((len(prompts),), -1)
    every[:judged] = folds
    weights = [_fit(apart[every != fold], longer[every != fold]) for fold in range(FOLDS)]
    return FittedJudge(folds, torch.stack(weights))


def _fit(apart: torch.Tensor, longer: torch.Tensor) -> torch.Tensor:
    """Return the weights of vectors, fitted to differences [n, width] of chosen and rejected."""
    inputs = torch.cat([apart, longer[:, None]], dim=1).double()
    spread = inputs.square().mean(0).sqrt().clamp(min=1e-6)
    scaled = inputs / spread
    weights = torch.zeros(scaled.shape[1], dtype=torch.double, requires_grad=True)
    optimiser = torch.optim.LBFGS([weights], max_iter=_ITERATIONS, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        loss = -functional.logsigmoid(scaled @ weights).mean() + RIDGE * weights.square().sum()
        loss.backward()
        return loss

    with torch.enable_grad():
        optimiser.step(closure)
    found: torch.Tensor = (weights.detach() / spread)[:-1].float()
    return found
