from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from chalicelib.contracts.functions.score_answer import ScoreAnswerRequest, ScoreAnswerResult
from chalicelib.errors import InvalidInput
from chalicelib.inference.hot_swap import OpenModel
from chalicelib.inference.reward_model import RewardModel, open_model
from functions.run_model.score_answer import run
from tests.exported_models import read, version
from tests.exported_texts import scorer
from tests.model_deps import task_deps
from tests.samples import samples

ROOT = Path(__file__).parents[4]
SAMPLE = samples()["score_answer"]
FILES = scorer()


class Models:
    """One model, whatever it is called."""

    def get(self, name: str, caller: str = "", variant: str = "") -> OpenModel[RewardModel]:
        return OpenModel(open_model(read(FILES)), version(FILES, 3))


def scored(*answers: str) -> ScoreAnswerResult:
    """Return what the function answers; its clock goes half a second."""
    given = {"model": "preferences-reward", "prompt": "the room was", "answers": answers}
    answer = run(ScoreAnswerRequest.model_validate(given), task_deps(Models()))
    return ScoreAnswerResult.model_validate_json(answer.model_dump_json())


def test_should_score_each_answer() -> None:
    result = scored("cold .", "warm warm .")
    assert (result.scores, result.version) == ((0.0, 2.0), "tried/3")
    assert (result.tokens, result.seconds) == (6 + 7, 0.5)


def test_should_refuse_what_is_too_long() -> None:
    with pytest.raises(InvalidInput, match=r"answers\.1: has 8 tokens with the prompt"):
        scored("cold .", "warm " * 5)


def test_should_take_its_sample() -> None:
    request = ScoreAnswerRequest.model_validate_json(SAMPLE.read_text())
    assert (request.model, len(request.answers)) == ("preferences-reward", 2)


def test_should_score_without_torch() -> None:
    program = (
        "import sys\n"
        "from functions.run_model.handler import score_answer\n"
        "import onnxruntime, tokenizers\n"
        "print(sorted({'torch', 'transformers', 'PIL', 'onnx', 'chalice'} & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert json.loads(done.stdout) == []
