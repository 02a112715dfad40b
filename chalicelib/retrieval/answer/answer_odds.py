"""How likely a sentence answers a question, by learned odds over general features. Pure.

The features are of the sentence, of how it compares with the others, of what the best of them
reach, and of the question's form. The rules of `replies` are features among them. The weights were
learned on strangers' questions about files of packages, near misses among them
(`models/candidate_head`); the file has one number for each feature.
"""

from __future__ import annotations

import functools
import json
import math
import operator
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chalicelib.retrieval.answer.answer_features import ANSWER_FEATURES
from chalicelib.retrieval.answer.replies import judge_reply
from chalicelib.retrieval.text.terms import tokenize

if TYPE_CHECKING:
    from chalicelib.retrieval.answer.candidates import Features
    from chalicelib.retrieval.answer.evidence import Evidence

ODDS = Path(__file__).with_name("answer_odds.json")

_REACHED = ("coverage", "whole coverage", "similarity", "cosine", "words")
_ASKED = ("how many", "how much", "who", "when", "why", "where", "which", "what", "how")
ODDS_FEATURES = (
    "score",
    "log share",
    "entropy",
    "support",
    *(f"best {name}" for name in _REACHED),
    "knows entities",
    "knows counted noun",
    "agrees on dates",
    "has kind",
    "covers topic",
    *(f"asks {words}" for words in _ASKED),
)
"""Names of the features, in order.

score: the learned score of the sentence; log share: the logarithm of its share in the softmax of
all scores, whose `entropy` says how even they are. best: the most that any candidate reaches of
that feature of `ANSWER_FEATURES`. knows, agrees, has and covers: the verdicts of the rules. asks:
whether the question has these words.
"""

_TINY = 1e-9


def odds_features(question: str, evidence: Sequence[Evidence], chosen: Evidence) -> Features:
    """Return the `ODDS_FEATURES` of a sentence among all that were weighed, itself included."""
    best = max(item.score for item in evidence)
    raised = [math.exp(item.score - best) for item in evidence]
    total = math.fsum(raised)
    shares = [each / total for each in raised]
    asked = f" {' '.join(word.folded for word in tokenize(question))} "
    return (
        chosen.score,
        math.log(math.exp(chosen.score - best) / total + _TINY),
        -math.fsum(each * math.log(each + _TINY) for each in shares),
        chosen.support,
        *(max(item.features[at] for item in evidence) for at in _REACHED_PLACES),
        *map(float, astuple(judge_reply(question, chosen))),
        *(float(f" {words} " in asked) for words in _ASKED),
    )


_REACHED_PLACES = tuple(map(ANSWER_FEATURES.index, _REACHED))


@dataclass(frozen=True, slots=True)
class AnswerOdds:
    """The learned weights of `ODDS_FEATURES` and the bias of their sum."""

    weights: Features
    bias: float

    def of(self, features: Features) -> float:
        """Return the logarithm of the odds that a sentence with these features answers."""
        return self.bias + math.fsum(map(operator.mul, self.weights, features))


def parse_answer_odds(written: str) -> AnswerOdds:
    """Return the odds from their JSON; raise ValueError if they are of other features."""
    document: Mapping[str, Any] = json.loads(written)
    weights = document["weights"]
    if tuple(weights) != ODDS_FEATURES:
        raise ValueError(f"The odds have weights for {list(weights)}, not for the known features.")
    return AnswerOdds(tuple(weights.values()), document["bias"])


@functools.cache
def learned_odds() -> AnswerOdds:
    """Return the odds that are shipped, read once per process."""
    return parse_answer_odds(ODDS.read_text("utf-8"))


def answer_odds(question: str, evidence: Sequence[Evidence], chosen: Evidence) -> float:
    """Return the logarithm of the odds that `chosen`, one of `evidence`, answers."""
    return learned_odds().of(odds_features(question, evidence, chosen))
