"""The learned order of candidates: which of them most likely holds the answer to a question.

A candidate's score is linear in its features. The weights were learned on strangers' questions
about files of packages (`models/candidate_head`); the file has one number for each feature.
"""

from __future__ import annotations

import functools
import json
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chalicelib.retrieval.answer.answer_features import ANSWER_FEATURES
from chalicelib.retrieval.answer.candidates import CANDIDATE_FEATURES, Features

HEAD = Path(__file__).with_name("candidate_head.json")


@dataclass(frozen=True, slots=True)
class CandidateHead:
    """The learned weights: of `CANDIDATE_FEATURES` for the selection, then of `ANSWER_FEATURES`.

    Scores are logarithms of odds: only their differences within one question say something.
    """

    selection: Features
    weights: Features

    def scores(self, features: Sequence[Features]) -> list[float]:
        """Return the score of each candidate of a question; higher is likelier."""
        return [sum(map(operator.mul, self.weights, each)) for each in features]


def parse_candidate_head(written: str) -> CandidateHead:
    """Return the head from its JSON; raise ValueError if it is of other features."""
    document: Mapping[str, Any] = json.loads(written)
    selection, weights = document["selection"], document["weights"]
    for found, known in ((selection, CANDIDATE_FEATURES), (weights, ANSWER_FEATURES)):
        if tuple(found) != known:
            raise ValueError(f"The head has weights for {list(found)}, not for {list(known)}.")
    return CandidateHead(tuple(selection.values()), tuple(weights.values()))


@functools.cache
def candidate_head() -> CandidateHead:
    """Return the head that is shipped, read once per process."""
    return parse_candidate_head(HEAD.read_text("utf-8"))
