"""Losses, each a mean over rows, in nats."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.reference.attention import softmax

Array = NDArray[np.float64]
Whole = NDArray[np.int64]


def cross_entropy(logits: Array, classes: Whole) -> float:
    """Return the mean of -log softmax(logits)[class]; `logits` are [n, k], `classes` [n]."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    logs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return float(-logs[np.arange(len(classes)), classes].mean())


def binary_cross_entropy(targets: Array, probabilities: Array) -> float:
    """Return the mean of -(t log p + (1 - t) log(1 - p)) of probabilities between 0 and 1."""
    kept = targets * np.log(probabilities) + (1 - targets) * np.log1p(-probabilities)
    return float(-kept.mean())


def kl_to_standard_normal(mean: Array, log_variance: Array) -> Array:
    """Return KL(N(mean, variance) || N(0, I)) of rows [n, d], as [n].

    D. P. Kingma and M. Welling, https://arxiv.org/abs/1312.6114, appendix B.
    """
    terms = mean**2 + np.exp(log_variance) - log_variance - 1
    return np.asarray(0.5 * terms.sum(axis=1))


def elbo(
    rows: Array, decoded: Array, mean: Array, log_variance: Array, noise_variance: float
) -> Array:
    """Return log N(row; decoded, noise_variance I) less the KL term, a bound of log p, [n]."""
    squares = ((rows - decoded) ** 2).sum(axis=1) / noise_variance
    constant = rows.shape[1] * np.log(2 * np.pi * noise_variance)
    return np.asarray(-0.5 * (squares + constant) - kl_to_standard_normal(mean, log_variance))


def info_nce(some: Array, others: Array, temperature: float) -> float:
    """Return the symmetric contrastive loss of n pairs, [n, d] each.

    Rows are brought to length 1; pair i is right and every other row of the batch is wrong.
    CLIP, A. Radford et al., https://arxiv.org/abs/2103.00020, figure 3.
    """
    ours = some / np.linalg.norm(some, axis=1, keepdims=True)
    theirs = others / np.linalg.norm(others, axis=1, keepdims=True)
    logits = ours @ theirs.T / temperature
    right = np.arange(len(logits))
    return (cross_entropy(logits, right) + cross_entropy(logits.T, right)) / 2


def ppo_clipped(log_probabilities: Array, before: Array, advantages: Array, clip: float) -> float:
    """Return PPO's objective, to be maximised: the mean of min(r A, clip(r, 1 - e, 1 + e) A).

    J. Schulman et al., https://arxiv.org/abs/1707.06347, equation 7.
    """
    ratio = np.exp(log_probabilities - before)
    bounded = np.clip(ratio, 1 - clip, 1 + clip)
    return float(np.minimum(ratio * advantages, bounded * advantages).mean())


def perplexity(logits: Array, classes: Whole) -> float:
    """Return exp of the mean cross-entropy of tokens."""
    return float(np.exp(cross_entropy(logits, classes)))


def calibrated(logits: Array, temperature: float) -> Array:
    """Return softmax(logits / temperature), [n, k]: C. Guo et al., arXiv:1706.04599."""
    return softmax(logits / temperature)


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
