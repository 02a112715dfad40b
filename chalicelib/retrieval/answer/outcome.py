"""The decision on a question: from weighed sentences to one of three outcomes. Pure.

Everything that judges whether a sentence answers stands behind `decide_outcome`: learned odds,
which have to be higher where a rule doubts. A passage that was found is never hidden: what is not
an answer is shown among the nearest ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.retrieval.answer.answer_features import ANSWER_FEATURES
from chalicelib.retrieval.answer.answer_odds import answer_odds
from chalicelib.retrieval.answer.evidence import MIN_SUPPORT, extract_claims, is_sufficient
from chalicelib.retrieval.answer.replies import filter_replies

if TYPE_CHECKING:
    from chalicelib.contracts.answers import Outcome
    from chalicelib.retrieval.answer.citations import SourceSentence
    from chalicelib.retrieval.answer.evidence import Evidence

MIN_REPLY_ODDS = -1.1
"""Logarithm of the least odds with which a sentence answers that no rule doubts: 25 percent."""
MIN_DOUBTED_ODDS = 1.2
"""Logarithm of the least odds with which another sentence answers: 77 percent."""
MIN_DOUBTED_SUPPORT = 0.35
"""Below this support such a sentence does not answer, whatever its odds."""
CERTAIN_ODDS = 1.6
"""From these odds on an answer is shown alone; below, the nearest passages are shown beside it.

Of the answers to strangers' questions with such odds 92 percent were right, of the others 73.
"""
MIN_NEAREST = 0.32
MIN_NEAREST_COSINE = 0.40
"""If the best sentence has less support and the nearest a lower cosine, both are about something
else, and nothing is shown."""


@dataclass(frozen=True, slots=True)
class AnswerDecision:
    """The outcome of a question as the sentences of the documents alone decide it.

    `claims` are the sentences that answer, none unless the outcome is `answered`; `is_sufficient`
    says that no language model needs to improve them, and `is_certain` that they surely answer.
    `ranked` are all sentences, the likeliest to hold the answer first.
    """

    outcome: Outcome
    claims: Sequence[tuple[str, SourceSentence]]
    ranked: Sequence[Evidence]
    is_sufficient: bool = False
    is_certain: bool = False


@dataclass(frozen=True, slots=True)
class PossibleAnswer:
    """Sentences that may answer, and the logarithm of the odds that the first of them does.

    `margin` is how far these are above those that are needed: it answers from 0 on.
    """

    claims: Sequence[tuple[str, SourceSentence]]
    odds: float
    margin: float
    is_sufficient: bool


def possible_answers(question: str, evidence: Sequence[Evidence]) -> Iterator[PossibleAnswer]:
    """Yield what no rule doubts, then what has the most support; `evidence` is best first."""
    ways = (
        (filter_replies(question, evidence), MIN_SUPPORT, MIN_REPLY_ODDS),
        (evidence, MIN_DOUBTED_SUPPORT, MIN_DOUBTED_ODDS),
    )
    for sentences, min_support, min_odds in ways:
        claims = extract_claims(sentences, min_support)
        if claims:
            odds = answer_odds(question, evidence, sentences[0])
            yield PossibleAnswer(claims, odds, odds - min_odds, is_sufficient(sentences))


def decide_outcome(question: str, evidence: Sequence[Evidence]) -> AnswerDecision:
    """Return the outcome of `question` by the sentences that were found for it, best first."""
    ranked = sorted(evidence, key=lambda item: -item.score)
    for answer in possible_answers(question, evidence):
        if answer.margin >= 0:
            is_certain = answer.odds >= CERTAIN_ODDS
            return AnswerDecision(
                "answered", answer.claims, ranked, answer.is_sufficient, is_certain
            )
    return AnswerDecision("nearest" if _is_near(evidence) else "not_found", (), ranked)


def _is_near(evidence: Sequence[Evidence]) -> bool:
    support = max((item.support for item in evidence), default=0.0)
    cosine = max((item.features[_COSINE] for item in evidence), default=0.0)
    return support >= MIN_NEAREST or cosine >= MIN_NEAREST_COSINE


_COSINE = ANSWER_FEATURES.index("cosine")
