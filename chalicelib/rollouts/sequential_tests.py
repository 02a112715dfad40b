"""Tests that stay valid however often one looks at them: e-values by universal inference. Pure.

The evidence against a hypothesis is a ratio of likelihoods: a mixture over all rates (Jeffreys'
prior) above, the best that the hypothesis can do below. Whichever rates of the hypothesis are true,
the ratio is at most a martingale that begins at 1, so it ever reaches `1 / alpha` with probability
`alpha` at most (Ville). It needs counts alone: neither the order of calls, nor how many were looked
at together, nor a look that was repeated changes it, and no normal approximation stands behind it.

- Wasserman, Ramdas, Balakrishnan: Universal inference, PNAS 2020. https://arxiv.org/abs/1912.11436
- Ramdas, Grünwald, Vovk, Shafer: Game-theoretic statistics and safe anytime-valid inference,
  Statistical Science 2023. https://arxiv.org/abs/2210.01948
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, inf, lgamma, log, log1p

from chalicelib.contracts.rollouts import ArmCounts

_STEPS, _PRECISION = 60, 1e-9
"""Of the search for a rate: the likelihood is flat at its top."""
_JEFFREYS = 0.5


@dataclass(frozen=True, slots=True)
class EValues:
    """Natural logarithms of two e-values: that the candidate is worse by more than the margin, and
    that it is not worse by as much. Either is proven at `-log(alpha)`.
    """

    worse: float = 0.0
    not_worse: float = 0.0


def compare_shares(live: ArmCounts, candidate: ArmCounts, margin: float) -> EValues:
    """Compare the rates of an unwanted event in two arms.

    Args:
        live: Calls of the live version, and how many had the event.
        candidate: The same of the candidate.
        margin: The difference of rates that is still accepted, between 0 and 1.

    Returns:
        the evidence against "at most `margin` above", and against "at least `margin` above".
    """
    if not live.calls or not candidate.calls:
        return EValues()
    apart = _log_mixture(live) + _log_mixture(candidate)
    both = ArmCounts(calls=live.calls + candidate.calls, events=live.events + candidate.events)
    alike = _log_mixture(both)
    rate, other = live.events / live.calls, candidate.events / candidate.calls
    free = _log_likelihood(live, rate) + _log_likelihood(candidate, other)
    at_margin = _best_at_margin(live, candidate, margin)
    is_within = other - rate <= margin
    return EValues(
        worse=apart - (free if is_within else at_margin),
        # Versions that are alike are what most candidates are: half of the bet is on them.
        not_worse=_log_half_sum(apart, alike) - (at_margin if is_within else free),
    )


def compare_pairs(pairs: ArmCounts, threshold: float = 0.5) -> EValues:
    """Compare by pairs of a call of each arm, a sign test.

    Args:
        pairs: How many pairs there are, and in how many the candidate loses: its value is above the
            live one's by more than the margin, or a judge prefers the live one's.
        threshold: The share of lost pairs that is still accepted; half where a margin is in the
            pairs already.

    Returns:
        the evidence against "in at most that share of them", and against "in at least that share".
    """
    if not pairs.calls:
        return EValues()
    mixture = _log_mixture(pairs)
    free = _log_likelihood(pairs, pairs.events / pairs.calls)
    at_threshold = _log_likelihood(pairs, threshold)
    is_within = pairs.events <= threshold * pairs.calls
    return EValues(
        worse=mixture - (free if is_within else at_threshold),
        not_worse=mixture - (at_threshold if is_within else free),
    )


def _log_mixture(arm: ArmCounts) -> float:
    """Return the logarithm of the probability of an arm's events under Jeffreys' prior."""
    hits, misses = arm.events + _JEFFREYS, arm.calls - arm.events + _JEFFREYS
    return _log_beta(hits, misses) - _log_beta(_JEFFREYS, _JEFFREYS)


def _log_beta(a: float, b: float) -> float:
    return lgamma(a) + lgamma(b) - lgamma(a + b)


def _log_likelihood(arm: ArmCounts, rate: float) -> float:
    """Return the logarithm of the probability of an arm's events at a rate."""
    hits, misses = arm.events, arm.calls - arm.events
    if (hits and rate <= 0) or (misses and rate >= 1):
        return -inf
    return (hits * log(rate) if hits else 0.0) + (misses * log1p(-rate) if misses else 0.0)


def _best_at_margin(live: ArmCounts, candidate: ArmCounts, margin: float) -> float:
    """Return the highest log likelihood with the candidate's rate exactly `margin` above.

    The likelihood is concave, so that Newton's steps find its top; one that leaves the interval
    in which that lies is replaced by the interval's middle.
    """
    low, high = 0.0, 1.0 - margin
    both = live.calls + candidate.calls
    rate = (live.events + candidate.events - margin * candidate.calls) / both
    for _ in range(_STEPS):
        if high - low < _PRECISION:
            break
        if not low + _PRECISION / 4 < rate < high - _PRECISION / 4:
            rate = (low + high) / 2
        slope, bend = _slope(live, rate)
        more, steeper = _slope(candidate, rate + margin)
        slope, bend = slope + more, bend + steeper
        low, high = (rate, high) if slope > 0 else (low, rate)
        step = slope / bend
        rate -= step
        if abs(step) < _PRECISION:
            break
    rate = min(max(rate, low), high)
    return _log_likelihood(live, rate) + _log_likelihood(candidate, rate + margin)


def _slope(arm: ArmCounts, rate: float) -> tuple[float, float]:
    """Return how the log likelihood changes with the rate, and how that changes with it."""
    hits, misses = arm.events, arm.calls - arm.events
    up, down = hits / rate, misses / (1 - rate)
    return up - down, -(up / rate + down / (1 - rate))


def _log_half_sum(first: float, second: float) -> float:
    """Return log((exp(first) + exp(second)) / 2)."""
    most = max(first, second)
    return most + log(exp(first - most) + exp(second - most)) - log(2)
