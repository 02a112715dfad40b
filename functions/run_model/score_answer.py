"""Score answers, by a reward model that the stage serves."""

from __future__ import annotations

from chalicelib.contracts.functions.score_answer import ScoreAnswerRequest, ScoreAnswerResult
from chalicelib.inference import reward_model
from chalicelib.inference.reward_model import RewardModel
from functions.run_model.deps import Deps

open_model = reward_model.open_model
parse = ScoreAnswerRequest.model_validate


def run(request: ScoreAnswerRequest, deps: Deps[RewardModel]) -> ScoreAnswerResult:
    """Return a score for each answer, in order.

    Raises:
        Conflict: the stage serves no version of the model.
        InvalidInput: the model does not know a word, or an answer is empty or too long.
        ModelFailure: no version of the model can be opened, or it failed.
        Throttled, Transient: the model cannot be loaded now.
    """
    began = deps.monotonic()
    served = deps.models.get(request.model, request.caller, request.variant)
    rewards = served.model.score(request.prompt, request.answers)
    return ScoreAnswerResult(
        scores=rewards.scores,
        tokens=rewards.tokens,
        version=served.version.receipt_name,
        seconds=deps.seconds_since(began),
    )
