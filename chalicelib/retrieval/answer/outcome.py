"""The decision on a question: from weighed sentences to one of three outcomes. Pure.

Everything that judges whether a sentence answers stands behind `decide_outcome`. A rule that
doubts a sentence takes the answer from it, and never hides it: a passage that was found is shown
among the nearest ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.retrieval.answer.evidence import extract_claims, is_sufficient
from chalicelib.retrieval.answer.replies import filter_replies

if TYPE_CHECKING:
    from chalicelib.contracts.answers import Outcome
    from chalicelib.retrieval.answer.citations import SourceSentence
    from chalicelib.retrieval.answer.evidence import Evidence

CERTAIN_SUPPORT = 0.9
"""From this support on an answer is shown alone; below it, the nearest passages are beside it.

On strangers' questions about real files every answer with so much support was right, of those with
0.6 to 0.9 three quarters, and of those with less three fifths.
"""
MIN_NEAREST = 0.32
"""Below this support even the best sentence is about something else, and nothing is shown."""


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


def decide_outcome(question: str, evidence: Sequence[Evidence]) -> AnswerDecision:
    """Return the outcome of `question` by the sentences that were found for it, best first."""
    replies = filter_replies(question, evidence)
    claims = extract_claims(replies)
    ranked = sorted(evidence, key=lambda item: -item.score)
    if claims:
        is_certain = replies[0].support >= CERTAIN_SUPPORT
        return AnswerDecision("answered", claims, ranked, is_sufficient(replies), is_certain)
    is_near = bool(evidence) and max(item.support for item in evidence) >= MIN_NEAREST
    return AnswerDecision("nearest" if is_near else "not_found", (), ranked)
