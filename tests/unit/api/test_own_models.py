"""Texts and scores by models of the stage's own: from a request to the graphs and back, with
versions that are swapped, spoilt and gone.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import pytest

from chalicelib.adapters.models.function import AnsweringFunction, FunctionCaller
from chalicelib.adapters.models.text_functions import CompleteTextFunction, ScoreAnswerFunction
from chalicelib.contracts.functions.complete_text import CompleteTextRequest
from chalicelib.contracts.functions.score_answer import ScoreAnswerRequest
from chalicelib.contracts.serving import ServedVersion, Serving
from chalicelib.errors import HeadraceError, NotFound
from chalicelib.generation.catalogue import catalogue
from chalicelib.generation.executor import Generator
from chalicelib.generation.model_file import served_models
from chalicelib.generation.receipts import CostModel
from chalicelib.inference import reward_model, text_models
from chalicelib.inference.hot_swap import REFRESH_SECONDS, HotSwap
from functions.run_model import complete_text, score_answer
from functions.stream_chat.core import run
from tests.exported_models import Files, serving, version
from tests.exported_texts import FOLLOWS, scorer, speaker
from tests.model_deps import task_deps
from tests.unit.adapters.models.in_process import InProcess
from tests.unit.api.fakes import Api, error_of
from tests.unit.functions.stream_chat.generating import deps_of, event
from tests.unit.generation.fakes import House

PATH = "/v1/generations"
WRITES = {"model": "aligned-lm", "prompt": "the room"}
SCORES = {
    "task": "scoring",
    "model": "preferences-reward",
    "prompt": "the room was",
    "answers": ["cold .", "warm ."],
}


@dataclass
class Bucket:
    """Versions that a stage serves, and a clock."""

    says: dict[str, Serving] = field(default_factory=dict)
    files: dict[str, dict[str, bytes]] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)
    now: float = 0.0

    def serving(self, name: str) -> Serving | None:
        return self.says.get(name)

    def file(self, version: ServedVersion, name: str) -> bytes:
        if name not in self.files[version.prefix]:
            raise NotFound(f"reading {name}: NoSuchKey")
        return self.files[version.prefix][name]

    def serve(self, name: str, files: Files, number: int = 1) -> dict[str, bytes]:
        """Have a version serve, half a minute before anybody looks; return its files."""
        made, old = version(files, number, name), self.says.get(name)
        self.files[made.prefix] = dict(files)
        self.says[name] = serving(made, None if old is None else old.serves, name)
        self.now += REFRESH_SECONDS
        return self.files[made.prefix]

    def note(self, error: HeadraceError) -> None:
        self.told.append(error.message)


def writer(bucket: Bucket) -> InProcess:
    """Return a new process of `complete_text`."""
    models = HotSwap(bucket, text_models.open_model, lambda: bucket.now, bucket.note)
    deps = task_deps(models, step=0.0, seed=7)

    def handler(event: Any) -> Any:
        request = CompleteTextRequest.model_validate(event)
        return complete_text.run(request, deps).model_dump(mode="json")

    return InProcess(handler)


def judge(bucket: Bucket) -> InProcess:
    """Return a new process of `score_answer`."""
    models = HotSwap(bucket, reward_model.open_model, lambda: bucket.now, bucket.note)
    deps = task_deps(models, step=0.0)

    def handler(event: Any) -> Any:
        request = ScoreAnswerRequest.model_validate(event)
        return score_answer.run(request, deps).model_dump(mode="json")

    return InProcess(handler)


def begun(api: Api, bucket: Bucket) -> None:
    """Have the API ask new processes of both functions."""
    functions: dict[str, AnsweringFunction] = {
        "complete_text": CompleteTextFunction(writer(bucket).within, "complete", 25),
        "score_answer": ScoreAnswerFunction(judge(bucket).within, "score", 25),
    }
    house = House({})
    stage = replace(
        house.generator.deps,
        models=served_models(),
        cost_model=CostModel(served_models(), catalogue().prices),
        backends={"function": FunctionCaller(functions)},
    )
    house.generator = Generator(stage)
    api.house = house


@pytest.fixture
def bucket() -> Bucket:
    return Bucket()


@pytest.fixture
def api(bucket: Bucket) -> Api:
    made = Api()
    begun(made, bucket)
    return made


def told(api: Api, **body: Any) -> dict[str, Any]:
    response = api.call("POST", PATH, body)
    assert response.status_code == 200, response.json_body
    found: dict[str, Any] = response.json_body
    return found


def refused(api: Api, status: int, **body: Any) -> str:
    response = api.call("POST", PATH, body)
    assert response.status_code == status, response.json_body
    return str(error_of(response)["message"])


@pytest.mark.parametrize("asked", [WRITES, SCORES])
def test_a_model_that_nobody_serves_should_be_a_conflict_that_names_the_command(
    api: Api, asked: dict[str, Any]
) -> None:
    assert f"headrace models serve {asked['model']} VERSION" in refused(api, 409, **asked)


def test_a_text_should_come_with_its_version_and_what_it_cost(api: Api, bucket: Bucket) -> None:
    bucket.serve("aligned-lm", speaker())
    found = told(api, **WRITES)
    assert (found["output"]["text"], found["output"]["finish"]) == ("was warm .", "stop")
    assert (found["model"], found["answered_by"]) == ("aligned-lm", "tried/1")
    assert (found["usage"]["tokens_in"], found["usage"]["tokens_out"]) == (2, 3)
    (line,) = found["receipt"]["lines"]
    assert (line["model"], line["priced_as"]) == ("tried/1", "lambda")
    assert Decimal(line["dollars"]) > 0


def test_scores_should_come_in_the_order_of_the_answers(api: Api, bucket: Bucket) -> None:
    bucket.serve("preferences-reward", scorer())
    found = told(api, **SCORES)
    assert found["output"] == {"task": "scoring", "scores": [0.0, 1.0]}
    assert found["usage"]["tokens_in"] == 12
    assert [line["priced_as"] for line in found["receipt"]["lines"]] == ["lambda"]


def test_what_was_cut_off_should_be_an_error_unless_it_may_be(api: Api, bucket: Bucket) -> None:
    bucket.serve("aligned-lm", speaker())
    assert "max_tokens" in refused(api, 400, **WRITES, max_tokens=1)
    found = told(api, **WRITES, max_tokens=1, allow_truncation=True)
    assert (found["output"]["text"], found["output"]["finish"]) == ("was", "length")


@pytest.mark.parametrize(
    ("change", "status", "why"),
    [
        ({"prompt": "the room " * 4}, 400, "has 8 tokens, and may have 7 at most"),
        ({"prompt": "the nice room"}, 400, "does not know 'nice'; it knows . bed cold"),
        ({"system": "Be kind."}, 400, "takes no instructions; leave system out"),
        ({"documents": ["The room is cold."]}, 400, "takes no instructions"),
        ({"json_schema": {}}, 422, "can't write JSON"),
        ({"budget": "0.000001"}, 422, "and the budget is $0.000001"),
    ],
)
def test_what_such_a_model_does_not_take_should_be_named(
    api: Api, bucket: Bucket, change: dict[str, Any], status: int, why: str
) -> None:
    bucket.serve("aligned-lm", speaker())
    assert why in refused(api, status, **{**WRITES, **change})


def test_an_answer_that_cannot_be_scored_should_be_named(api: Api, bucket: Bucket) -> None:
    bucket.serve("preferences-reward", scorer())
    message = refused(api, 400, **{**SCORES, "answers": ["warm .", "superb ."]})
    assert "answers.1: this model does not know 'superb'" in message


COLDER = {**FOLLOWS, "was": "cold", "cold": "."}


def test_a_version_should_take_over_while_a_process_runs(api: Api, bucket: Bucket) -> None:
    bucket.serve("aligned-lm", speaker())
    assert told(api, **WRITES)["output"]["text"] == "was warm ."
    bucket.serve("aligned-lm", speaker(COLDER), 2)
    found = told(api, **WRITES)
    assert (found["output"]["text"], found["answered_by"]) == ("was cold .", "tried/2")
    assert not bucket.told


@pytest.mark.parametrize("spoilt", [{"decoder.onnx": b"corrupt"}, {"tokenizer.json": b"{}"}, {}])
@pytest.mark.parametrize("anew", [False, True])
def test_the_version_before_should_go_on_where_the_next_is_corrupt_or_gone(
    api: Api, bucket: Bucket, spoilt: dict[str, bytes], anew: bool
) -> None:
    bucket.serve("aligned-lm", speaker())
    told(api, **WRITES)
    files = bucket.serve("aligned-lm", speaker(COLDER), 2)
    files.update(spoilt) if spoilt else files.clear()
    if anew:
        begun(api, bucket)
    found = told(api, **WRITES)
    assert (found["output"]["text"], found["answered_by"]) == ("was warm .", "tried/1")
    assert bucket.told[0].startswith("tried/2 cannot serve, and tried/1 goes on")


@pytest.mark.parametrize(
    ("asked", "files", "graph"),
    [(WRITES, speaker(), "decoder.onnx"), (SCORES, scorer(), "scorer.onnx")],
)
def test_a_version_that_is_gone_with_none_before_should_be_the_model_s_failure(
    api: Api, bucket: Bucket, asked: dict[str, Any], files: Files, graph: str
) -> None:
    del bucket.serve(asked["model"], files)[graph]
    assert refused(api, 502, **asked) == "A model gave no usable output."
    (logged,) = api.house.log
    assert f"{graph} of tried/1 is gone; serve it anew" in logged.message


def test_a_model_that_is_served_no_more_should_be_a_conflict(api: Api, bucket: Bucket) -> None:
    bucket.serve("preferences-reward", scorer())
    told(api, **SCORES)
    bucket.says.clear()
    bucket.now += REFRESH_SECONDS
    assert "No version of preferences-reward is served" in refused(api, 409, **SCORES)


def by_openai(api: Api, route: str, **body: Any) -> Any:
    """Return what the function that streams answers, its body in one text."""
    deps = deps_of(api.house.generator, api.house.log.append)
    answer = run(event(route, **{"model": "aligned-lm", **body}), deps)
    return answer.head.status, b"".join(answer.body).decode()


def test_openai_s_clients_should_be_answered_whole_and_streamed_in_one_piece(
    api: Api, bucket: Bucket
) -> None:
    bucket.serve("aligned-lm", speaker())
    said = {"messages": [{"role": "user", "content": "the room"}], "stop": " ."}
    status, told = by_openai(api, "/v1/chat/completions", **said)
    whole = json.loads(told)
    assert status == 200, told
    assert whole["choices"][0]["message"]["content"] == "was warm"
    assert whole["choices"][0]["finish_reason"] == "stop"
    assert whole["usage"]["completion_tokens"] == 3
    status, told = by_openai(
        api, "/v1/chat/completions", **said, stream=True, stream_options={"include_usage": True}
    )
    *lines, last = [line.removeprefix("data: ") for line in told.splitlines() if line]
    chunks = [json.loads(line) for line in lines]
    deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
    assert [each["content"] for each in deltas if each.get("content")] == ["was warm"]
    assert (last, chunks[-1]["usage"]["completion_tokens"]) == ("[DONE]", 3)
    priced = [chunk["headrace"]["receipt"] for chunk in chunks if chunk.get("headrace")]
    assert [line["priced_as"] for line in priced[-1]["lines"]] == ["lambda"]


def test_responses_should_be_given_as_far_as_they_go(api: Api, bucket: Bucket) -> None:
    bucket.serve("aligned-lm", speaker())
    status, told = by_openai(api, "/v1/responses", input="the room", max_output_tokens=1)
    response = json.loads(told)
    assert (status, response["status"]) == (200, "incomplete")
    assert response["incomplete_details"] == {"reason": "max_output_tokens"}
    assert (response["usage"]["input_tokens"], response["usage"]["output_tokens"]) == (2, 1)


@pytest.mark.parametrize(
    ("turns", "why"),
    [
        ([{"role": "system", "content": "Be kind."}], "takes no instructions"),
        (
            [{"role": "user", "content": "the"}, {"role": "assistant", "content": "bed"}],
            "no notion of turns; there are 3",
        ),
    ],
)
def test_openai_s_clients_should_be_told_what_such_a_model_has_no_notion_of(
    api: Api, bucket: Bucket, turns: list[dict[str, str]], why: str
) -> None:
    bucket.serve("aligned-lm", speaker())
    messages = [*turns, {"role": "user", "content": "the room"}]
    for stream in (False, True):
        status, told = by_openai(api, "/v1/chat/completions", messages=messages, stream=stream)
        assert status == 400, told
        assert why in json.loads(told)["error"]["message"]
