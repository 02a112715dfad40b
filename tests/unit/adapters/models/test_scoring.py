"""Calls for scores by the function `score_answer`."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.adapters.models.text_functions import ScoreAnswerFunction
from chalicelib.contracts.generations import EmbedCall, ScoreCall, ScoreOutput, Usage
from chalicelib.errors import Conflict, InvalidInput, ModelFailure, Unsupported
from chalicelib.generation.dependencies import CallContext
from chalicelib.generation.model_file import served_models
from chalicelib.inference.hot_swap import OpenModel
from chalicelib.inference.reward_model import RewardModel, open_model
from functions.run_model import score_answer
from tests.exported_models import read, version
from tests.exported_texts import scorer
from tests.model_deps import task_deps
from tests.unit.adapters.models.in_process import InProcess

MODEL = served_models().model("preferences-reward")
CALL = ScoreCall(prompt="the room was", answers=("warm .", "cold ."))
ASKING = CallContext("t", "c", seconds_left=12.5)
FILES = scorer()


class Models:
    def get(self, name: str, caller: str = "", variant: str = "") -> OpenModel[RewardModel]:
        return OpenModel(open_model(read(FILES)), version(FILES, 3))


def handler(event: Any) -> Any:
    deps = task_deps(Models(), step=0.25)
    return score_answer.run(score_answer.parse(event), deps).model_dump(mode="json")


def answered(handler: Any, call: Any = CALL) -> Any:
    return ScoreAnswerFunction(InProcess(handler).within, "score", 25).answer(MODEL, call, ASKING)


def test_should_have_answers_scored_in_order() -> None:
    reply = answered(handler)
    assert reply.output == ScoreOutput(scores=(1.0, 0.0))
    assert (reply.model, reply.answered_by) == ("preferences-reward", "tried/3")
    assert (reply.usage, reply.seconds) == (Usage(tokens_in=12), 0.25)


def test_should_say_which_answer_cannot_be_scored() -> None:
    with pytest.raises(InvalidInput, match=r"answers\.1: this model does not know 'awful'"):
        answered(handler, CALL.model_copy(update={"answers": ("warm .", "awful .")}))


def test_an_answer_that_lacks_a_score_should_be_the_function_s_fault() -> None:
    told = {"scores": [1.0], "tokens": 3, "version": "a/1", "seconds": 1}
    with pytest.raises(ModelFailure, match="gave 1 scores for 2 answers"):
        answered(lambda event: told)


def test_should_say_that_no_version_is_served() -> None:
    def none(event: Any) -> Any:
        raise Conflict("No version of preferences-reward is served on this stage.")

    with pytest.raises(Conflict, match="No version of preferences-reward") as raised:
        answered(none)
    assert raised.value.field == "model"


def test_should_refuse_what_is_no_scoring() -> None:
    with pytest.raises(Unsupported, match="calls of embedding"):
        answered(handler, EmbedCall(texts=("a",)))
