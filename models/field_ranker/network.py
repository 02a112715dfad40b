"""A small network that scores the candidates of a field, learned listwise.

The loss is the cross-entropy of the softmax over a field's candidates and the choice of none, whose
score depends on the kind of the field (ListNet's loss of the top place). One hidden layer of tanh,
gradients written out, Adam over minibatches of whole lists.
Cao et al., Learning to rank, ICML 2007, https://doi.org/10.1145/1273496.1273513
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chalicelib.extraction.ranker import MAX_SCALED
from models.failures import BelowGate

Array = NDArray[np.floating[Any]]
Numbers = NDArray[np.int64]

HIDDEN = 96
NONE_HIDDEN = 12
EPOCHS = 12
LISTS = 96
RATE = 1e-2
DECAY = 0.2
_FIRST, _SECOND, _TINY = 0.9, 0.999, 1e-8


@dataclass(frozen=True, slots=True)
class FieldLists:
    """The candidates of many fields, one after the other.

    Attributes:
        features: (candidates, features).
        field: The number of the field of each candidate, from 0 and ascending.
        right: Whether a candidate is the field's value; several may be, or none.
        none: (fields, features of a field): what the choice of none is scored by.
    """

    features: Array
    field: Numbers
    right: NDArray[np.bool_]
    none: Array

    @property
    def count(self) -> int:
        """Return the number of fields."""
        return len(self.none)

    def of(self, chosen: Numbers) -> FieldLists:
        """Return the lists of the fields that are `chosen`, numbered anew in that order."""
        begins = np.searchsorted(self.field, chosen)
        sizes = np.searchsorted(self.field, chosen, side="right") - begins
        number = np.repeat(np.arange(len(chosen)), sizes)
        within = np.arange(len(number)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        order = begins[number] + within
        return FieldLists(self.features[order], number, self.right[order], self.none[chosen])


@dataclass(frozen=True, slots=True)
class Weights:
    """A hidden layer and its weighed sum for candidates, and both for the choice of none."""

    hidden: Array
    hidden_bias: Array
    out: Array
    none_hidden: Array
    none_hidden_bias: Array
    none_out: Array
    none_bias: Array

    def parts(self) -> tuple[Array, ...]:
        """Return the arrays in a fixed order."""
        return (
            self.hidden,
            self.hidden_bias,
            self.out,
            self.none_hidden,
            self.none_hidden_bias,
            self.none_out,
            self.none_bias,
        )


@dataclass(frozen=True, slots=True)
class Scale:
    """Mean and spread by which features are brought to one scale, and which of them vary."""

    mean: Array
    spread: Array
    varies: NDArray[np.bool_]

    @classmethod
    def of(cls, features: Array) -> Scale:
        """Return the scale of the columns; one that never changes keeps its values."""
        spread = features.std(axis=0)
        varies = spread >= _TINY
        spread[~varies] = 1.0
        return cls(features.mean(axis=0), spread, varies)

    def known(self, weights: Array) -> Array:
        """Return weights of the features, (features, hidden): 0 where chance alone has set them."""
        kept: Array = np.where(self.varies[:, None], weights, 0.0)
        return kept

    def apply(self, features: Array) -> Array:
        """Return the features with mean 0 and spread 1, of which none is very far from 0."""
        scaled: Array = np.clip((features - self.mean) / self.spread, -MAX_SCALED, MAX_SCALED)
        return scaled


def initial(
    features: int,
    fields: int,
    seed: int,
    dtype: type[np.floating[Any]] | np.dtype[Any] = np.float64,
) -> Weights:
    """Return random weights for that many features of candidates and of fields."""
    rng = np.random.default_rng(seed)
    parts = (
        rng.normal(0, features**-0.5, (features, HIDDEN)),
        np.zeros(HIDDEN),
        rng.normal(0, HIDDEN**-0.5, HIDDEN),
        rng.normal(0, fields**-0.5, (fields, NONE_HIDDEN)),
        np.zeros(NONE_HIDDEN),
        rng.normal(0, NONE_HIDDEN**-0.5, NONE_HIDDEN),
        np.zeros(1),
    )
    return Weights(*(part.astype(dtype) for part in parts))


def shares(weights: Weights, lists: FieldLists) -> tuple[Array, Array]:
    """Return the probability of each candidate, and of none for each field."""
    raised, none, total = _raised(weights, lists)[2:]
    return raised / total[lists.field], none / total


def _raised(weights: Weights, lists: FieldLists) -> tuple[Array, Array, Array, Array, Array]:
    """Return both hidden layers, and the exponentials of the scores and their sums by field."""
    active = np.tanh(lists.features @ weights.hidden + weights.hidden_bias)
    none_active = np.tanh(lists.none @ weights.none_hidden + weights.none_hidden_bias)
    scores = active @ weights.out
    none = none_active @ weights.none_out + weights.none_bias[0]
    best = none.copy()
    np.maximum.at(best, lists.field, scores)
    raised = np.exp(scores - best[lists.field])
    nothing = np.exp(none - best)
    total = nothing + np.bincount(lists.field, raised, lists.count)
    return active, none_active, raised, nothing, total


def loss_and_slopes(weights: Weights, lists: FieldLists) -> tuple[float, Weights]:
    """Return the mean loss of a field in nats, and its derivative by each parameter."""
    active, none_active, raised, nothing, total = _raised(weights, lists)
    right = raised * lists.right
    of_right = np.bincount(lists.field, right, lists.count)
    absent = np.bincount(lists.field, lists.right, lists.count) == 0
    wanted = np.where(absent, nothing, of_right)
    loss = -np.log(np.maximum(wanted / total, 1e-300)).mean()
    target = right / np.where(absent, 1.0, of_right)[lists.field]
    slope = ((raised / total[lists.field] - target) / lists.count).astype(active.dtype)
    none = ((nothing / total - absent) / lists.count).astype(active.dtype)
    back = np.outer(slope, weights.out) * (1 - active**2)
    none_back = np.outer(none, weights.none_out) * (1 - none_active**2)
    return float(loss), Weights(
        lists.features.T @ back,
        back.sum(axis=0),
        active.T @ slope,
        lists.none.T @ none_back,
        none_back.sum(axis=0),
        none_active.T @ none,
        np.array([none.sum()]),
    )


def learn(
    lists: FieldLists, seed: int, judge: Callable[[Weights], float], epochs: int = EPOCHS
) -> tuple[Weights, float]:
    """Return the weights of the epoch that `judge` likes best, and what it says of them.

    Args:
        lists: fields to learn from, with features on one scale.
        seed: of the initial weights and of the order of the fields.
        judge: a loss on fields of other templates; lower is better.
        epochs: how often each field is learned from.
    """
    width, of_fields = lists.features.shape[1], lists.none.shape[1]
    weights = initial(width, of_fields, seed, lists.features.dtype)
    rng = np.random.default_rng(seed)
    first = [np.zeros_like(part) for part in weights.parts()]
    second = [np.zeros_like(part) for part in weights.parts()]
    best, best_loss, step = weights, judge(weights), 0
    total = epochs * -(-lists.count // LISTS)
    for _ in range(epochs):
        for batch in _batches(lists.count, rng):
            step += 1
            _, slopes = loss_and_slopes(weights, lists.of(batch))
            rate = RATE * (1 - (step - 1) / total)
            parts = []
            for at, (part, slope) in enumerate(zip(weights.parts(), slopes.parts(), strict=True)):
                first[at] = _FIRST * first[at] + (1 - _FIRST) * slope
                second[at] = _SECOND * second[at] + (1 - _SECOND) * slope**2
                unbiased = np.sqrt(second[at] / (1 - _SECOND**step)) + _TINY
                parts.append(
                    part * (1 - rate * DECAY) - rate * first[at] / (1 - _FIRST**step) / unbiased
                )
            weights = Weights(*parts)
        if (loss := judge(weights)) < best_loss:
            best, best_loss = weights, loss
    return best, best_loss


def require_learned(loss: float, lists: FieldLists) -> None:
    """Refuse a network that is no better than chance on fields it did not learn from.

    Raises:
        BelowGate: the loss is no number, or not below that of equal shares.
    """
    counts = np.bincount(lists.field, minlength=lists.count)
    right = np.bincount(lists.field, lists.right, lists.count)
    chance = float(np.log((counts + 1) / np.maximum(right, 1)).mean())
    if not loss < chance:
        raise BelowGate(
            f"The ranker's loss on the validation is {loss:.3f} nats; equal shares have"
            f" {chance:.3f}."
        )


def joined(members: Sequence[Weights]) -> Weights:
    """Return one network whose scores are the mean of those of several.

    What chance has put into the weights of one is mostly not in those of the others.
    """
    count = len(members)
    return Weights(
        np.hstack([each.hidden for each in members]),
        np.hstack([each.hidden_bias for each in members]),
        np.hstack([each.out for each in members]) / count,
        np.hstack([each.none_hidden for each in members]),
        np.hstack([each.none_hidden_bias for each in members]),
        np.hstack([each.none_out for each in members]) / count,
        np.mean([each.none_bias for each in members], axis=0),
    )


def _batches(count: int, rng: np.random.Generator) -> Iterator[Numbers]:
    order = rng.permutation(count)
    for at in range(0, count, LISTS):
        yield order[at : at + LISTS]
