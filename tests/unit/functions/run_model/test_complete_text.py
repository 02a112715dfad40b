from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from chalicelib.contracts.functions.complete_text import CompleteTextRequest, CompleteTextResult
from chalicelib.errors import InvalidInput
from chalicelib.inference.hot_swap import OpenModel
from chalicelib.inference.text_models import TextModel, open_model
from functions.run_model.complete_text import run
from tests.exported_models import read, version
from tests.exported_texts import speaker
from tests.model_deps import task_deps
from tests.samples import samples

ROOT = Path(__file__).parents[4]
SAMPLE = samples()["complete_text"]
FILES = speaker()


class Models:
    """One model, whatever it is called."""

    def get(self, name: str, caller: str = "", variant: str = "") -> OpenModel[TextModel]:
        return OpenModel(open_model(read(FILES)), version(FILES, 3))


def completed(step: float = 0.5, **said: Any) -> CompleteTextResult:
    """Return what the function answers; its clock goes by `step` seconds, its chance is 11."""
    given = {"model": "aligned-lm", "prompt": "the room", "max_tokens": 6, **said}
    request = CompleteTextRequest.model_validate(given)
    answer = run(request, task_deps(Models(), step=step))
    return CompleteTextResult.model_validate_json(answer.model_dump_json())


def test_should_go_on_with_a_text() -> None:
    result = completed()
    assert (result.text, result.finish, result.version) == ("was warm .", "stop", "tried/3")
    assert (result.tokens_in, result.tokens_out, result.seconds) == (2, 3, 2.0)


def test_should_take_a_prompt_or_messages() -> None:
    for given in ({"prompt": ""}, {"messages": [{"role": "user", "content": "the"}]}):
        with pytest.raises(ValidationError, match="give a prompt or messages, and not both"):
            completed(**given)
    with pytest.raises(InvalidInput, match="has no chat template and goes on with one text"):
        completed(prompt="", messages=[{"role": "user", "content": "the"}])


def test_should_say_that_a_text_was_cut_off() -> None:
    result = completed(max_tokens=2)
    assert (result.text, result.finish, result.tokens_out) == ("was warm", "length", 2)


def test_should_return_what_it_wrote_before_nobody_waits_any_more() -> None:
    result = completed(step=10)
    assert (result.text, result.finish, result.tokens_out) == ("was warm", "length", 2)


def test_should_end_where_it_is_to_stop() -> None:
    assert completed(stop=("warm",)).text == "was "


def test_should_draw_by_a_seed_or_by_chance() -> None:
    drawn = {seed: completed(temperature=2, seed=seed).text for seed in range(20)}
    assert len(set(drawn.values())) > 1
    assert completed(temperature=2).text == drawn[11]


def test_should_draw_of_the_likeliest_alone() -> None:
    assert {completed(temperature=2, top_p=0.01, seed=seed).text for seed in range(9)} == {
        "was warm ."
    }


def test_should_refuse_a_word_that_it_does_not_know() -> None:
    with pytest.raises(InvalidInput, match="does not know 'nice'; it knows "):
        completed(prompt="the nice room")


def test_should_take_its_sample() -> None:
    request = CompleteTextRequest.model_validate_json(SAMPLE.read_text())
    assert (request.model, request.prompt, request.seed) == ("dictionary-lm", "river:", 7)


def test_should_write_without_torch() -> None:
    program = (
        "import sys\n"
        "from functions.run_model.handler import complete_text\n"
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
