"""Learning from preferences: losses, advantages, and what the best policy is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def dpo(policy: tuple[Array, Array], reference: tuple[Array, Array], beta: float) -> float:
    """Return DPO's loss of log probabilities of whole texts, chosen [n] and rejected [n].

    R. Rafailov et al., https://arxiv.org/abs/2305.18290, equation 7.
    """
    margin = (policy[0] - reference[0]) - (policy[1] - reference[1])
    return float(np.log1p(np.exp(-beta * margin)).mean())


def generalised_advantages(rewards: Array, values: Array, smoothing: float) -> Array:
    """Return the advantages of one episode, [length], without discount, by their definition.

    The mean of all k-step advantages, weighed by (1 - smoothing) smoothing^(k - 1), what is beyond
    the end counting as the last. J. Schulman et al., https://arxiv.org/abs/1506.02438, equation 16.
    """
    size = len(rewards)
    padded = np.append(values, 0.0)
    found = np.zeros(size)
    for at in range(size):
        steps = [
            rewards[at : at + k].sum() + padded[at + k] - values[at]
            for k in range(1, size - at + 1)
        ]
        weights = [(1 - smoothing) * smoothing**k for k in range(len(steps))]
        weights[-1] = smoothing ** (len(steps) - 1)
        found[at] = np.dot(steps, weights)
    return found


def best_policy(reference: Array, rewards: Array, beta: float) -> Array:
    """Return the probabilities [k] that maximise E[reward] - beta KL(policy || reference).

    They are reference times exp(reward / beta), made to sum to 1: R. Rafailov et al., equation 4.
    """
    logs = np.log(reference) + rewards / beta
    weights = np.exp(logs - logs.max())
    return np.asarray(weights / weights.sum())
