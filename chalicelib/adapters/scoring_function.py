"""Calls for scores of answers by the function `score_answer`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from chalicelib.adapters.model_function import ModelFunction, only
from chalicelib.contracts.generations import Call, Reply, ScoreCall, ScoreOutput, Usage
from chalicelib.contracts.scoring import ScoreAnswerRequest, ScoreAnswerResult
from chalicelib.errors import ModelFailure

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

    from chalicelib.generation.dependencies import Asking
    from chalicelib.generation.served import ServedModel


class ScoreFunction:
    """What scores answers by reward models that the stage trained."""

    def __init__(self, client: Callable[[int], LambdaClient], name: str, seconds: int) -> None:
        """Ask as `ModelFunction` does."""
        self._function = ModelFunction(client, name, seconds, "scoring")

    def answer(self, model: ServedModel, call: Call, asking: Asking) -> Reply:
        """Return a score for each answer, and raise as `AnsweringFunction.answer` does."""
        wanted = only(ScoreCall, model, call)
        given = {"model": model.name, "prompt": wanted.prompt, "answers": wanted.answers}
        result = self._function.ask(ScoreAnswerRequest, given, ScoreAnswerResult, asking)
        if len(result.scores) != len(wanted.answers):
            raise ModelFailure(
                f"The scoring function gave {len(result.scores)} scores for"
                f" {len(wanted.answers)} answers.",
                seconds=result.seconds,
            )
        return Reply(
            model=model.name,
            answered_by=result.version,
            output=ScoreOutput(scores=result.scores),
            usage=Usage(tokens_in=result.tokens),
            seconds=round(result.seconds, 6),
        )
