"""Learning of the odds that the best sentence answers: logistic regression over its features.

A ridge keeps the weights small, and Newton's method finds the only minimum: no chance takes part.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from chalicelib.retrieval.answer.answer_odds import odds_features
from chalicelib.retrieval.answer.candidates import Features
from chalicelib.retrieval.answer.evidence import extract_claims
from chalicelib.retrieval.answer.outcome import MIN_DOUBTED_SUPPORT
from models.candidate_head.examples import ComparedExample
from models.candidate_head.listwise import Array, Mask

RIDGE = 33.0
STEPS = 25
_SETTLED = 1e-8


@dataclass(frozen=True, slots=True)
class OddsExample:
    """The features of the best sentence of a question, and whether what it begins is right."""

    features: Features
    is_right: bool
    is_near_miss: bool
    package: str


def odds_examples(
    compared: Sequence[ComparedExample], weights: Mapping[str, Array]
) -> Iterator[OddsExample]:
    """Yield an example for each question whose best sentence could answer.

    Args:
        compared: the questions with their weighed sentences.
        weights: those of the candidates' features, by package; they never saw it.
    """
    for each in compared:
        scored = [
            replace(item, score=float(np.dot(weights[each.package], item.features)))
            for item in each.evidence
        ]
        claims = extract_claims(scored, MIN_DOUBTED_SUPPORT)
        if claims:
            answers = {source.position for source in each.answering}
            yield OddsExample(
                odds_features(each.question.text, scored, scored[0]),
                any(source.position in answers for _, source in claims),
                each.question.is_near_miss,
                each.package,
            )


def learn_odds(features: Array, is_right: Mask) -> tuple[Array, float]:
    """Return one weight a feature, and the bias of the sum.

    Features are brought to one scale for the ridge, and the weights back to their own.
    """
    mean, spread = features.mean(axis=0), features.std(axis=0)
    spread[spread == 0] = 1.0
    scaled = np.hstack([(features - mean) / spread, np.ones((len(features), 1))])
    ridge = np.append(np.full(features.shape[1], RIDGE), 0.0)
    weights = np.zeros(scaled.shape[1])
    for _ in range(STEPS):
        chance = 1 / (1 + np.exp(-scaled @ weights))
        slope = scaled.T @ (chance - is_right) + ridge * weights
        curve = (scaled * (chance * (1 - chance))[:, None]).T @ scaled + np.diag(ridge)
        step = np.linalg.solve(curve, slope)
        weights -= step
        if np.abs(step).max() < _SETTLED:
            break
    found: Array = weights[:-1] / spread
    return found, float(weights[-1] - found @ mean)


def right_at(
    odds: Array, examples: Sequence[OddsExample], share: float, asked: int, near: int
) -> float:
    """Return the share of `asked` answered rightly where `share` of the near misses are answered.

    Args:
        odds: the logarithm of the odds of each example.
        examples: those questions that could be answered.
        share: the greatest share of the near misses that may be answered.
        asked: the number of questions that have an answer.
        near: the number of near misses.
    """
    of_near = sorted(
        (value for value, each in zip(odds, examples, strict=True) if each.is_near_miss),
        reverse=True,
    )
    allowed = int(share * near)
    floor = of_near[allowed] if allowed < len(of_near) else -np.inf
    right = sum(
        bool(value > floor) and each.is_right for value, each in zip(odds, examples, strict=True)
    )
    return right / asked
