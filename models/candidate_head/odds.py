"""Examples of which the odds are learned that the best sentence of a question answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from chalicelib.retrieval.answer.answer_odds import odds_features
from chalicelib.retrieval.answer.candidates import Features
from chalicelib.retrieval.answer.evidence import extract_claims
from chalicelib.retrieval.answer.outcome import MIN_DOUBTED_SUPPORT
from models.candidate_head.examples import ComparedExample
from models.candidate_head.listwise import Array


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
