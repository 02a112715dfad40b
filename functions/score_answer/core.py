"""Scores answers by a model that the stage serves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from chalicelib.contracts.scoring import ScoreAnswerRequest, ScoreAnswerResult
from chalicelib.inference.hot_swap import Models
from chalicelib.inference.scoring import Scorer


@dataclass(frozen=True, slots=True)
class Deps:
    """What the function works with; `clock` gives seconds, from any start."""

    models: Models[Scorer]
    clock: Callable[[], float]


def run(request: ScoreAnswerRequest, deps: Deps) -> ScoreAnswerResult:
    """Return a score for each answer.

    Raises:
        Conflict: the stage serves no version of the model.
        InvalidInput: the model does not know a word, or an answer is too long or says nothing.
        ModelFailure: no version of the model can be opened, or it failed.
        Throttled, Transient: the model cannot be had now.
    """
    began = deps.clock()
    serving = deps.models.get(request.model)
    found = serving.model.score(request.prompt, request.answers)
    return ScoreAnswerResult(
        scores=found.scores,
        tokens=found.tokens,
        version=serving.version.label,
        seconds=max(0.0, deps.clock() - began),
    )
