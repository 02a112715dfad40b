"""`headrace prompts optimise` against the API's own views, with models by a function."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import SupportsIndex

import pytest
import yaml

from chalicelib.contracts.generations import ChatCall, Reply, TextPart
from cli.main import run
from cli.output import Json
from tests.unit.api.fakes import KEY, Api
from tests.unit.cli.api_server import serving_views
from tests.unit.cli.conftest import Ended, Headrace
from tests.unit.generation.fakes import Answer, House, said

PROMPT = "variables: {text: {type: string}}\nturns: [{template: 'Odd or even? {{ text }}'}]\n"
Says = Callable[[str], str]


class Replies(list[Answer]):
    """Answers without end, by the last text that the model was asked."""

    def __init__(self, house: House, says: Says, answered_by: str) -> None:
        self.house, self.says, self.answered_by = house, says, answered_by

    def pop(self, index: SupportsIndex = -1) -> Reply:
        name, call = self.house.backend.asked[-1]
        assert isinstance(call, ChatCall)
        texts = [
            part.text
            for message in call.messages
            for part in message.content
            if isinstance(part, TextPart)
        ]
        answer = said(name, self.says("\n".join([call.system, *texts])))
        return answer.model_copy(update={"answered_by": self.answered_by or answer.answered_by})


class CutOff(Replies):
    """Answers that are never finished."""

    def pop(self, index: SupportsIndex = -1) -> Reply:
        return said(self.house.backend.asked[-1][0], "and so on and", "length")


def parity(text: str) -> str:
    """Answer rightly where the question stands twice, and else always the same."""
    number = int(re.findall(r"\d+", text)[-1])
    return ("odd" if number % 2 else "even") if "Read the question again" in text else "even"


def reword(text: str) -> str:
    """Reword by asking twice."""
    return "```\nOdd or even? {{ text }} Read the question again: {{ text }}\n```"


@pytest.fixture
def api() -> Api:
    return Api()


@pytest.fixture
def headrace(
    api: Api,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Iterator[Headrace]:
    monkeypatch.setenv("HEADRACE_API_KEY", KEY)
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> Ended:
        code = run(arguments)
        told = capsys.readouterr()
        return Ended(code, told.out, told.err)

    Path("parity.yaml").write_text(PROMPT, encoding="utf-8")
    with serving_views(api) as address:
        monkeypatch.setenv("HEADRACE_ENDPOINT", address)
        call("prompts", "save", "parity.yaml")
        yield call


def told(ended: Ended) -> Json:
    """Return the JSON of a command; the API, in the same process, logs one line at a time."""
    found: Json = json.loads(ended.out[ended.out.index("{\n") :])
    return found


def use(api: Api, says: Says = parity, answered_by: str = "") -> House:
    """Let the small model answer by `says`, and the large one reword."""
    house = api.house = House({})
    house.backend.script["small"] = Replies(house, says, answered_by)
    house.backend.script["large"] = Replies(house, reword, answered_by)
    return house


def write_suite(count: int = 60, variable: str = "text") -> str:
    cases = [
        {"id": f"c{n}", "variables": {variable: f"{n}"}, "expected": "odd" if n % 2 else "even"}
        for n in range(count)
    ]
    body = {"name": "parity", "graders": [{"type": "exact"}], "cases": cases}
    Path("suite.yaml").write_text(yaml.safe_dump(body), encoding="utf-8")
    return "suite.yaml"


def test_should_save_a_winner_that_beats_and_ask_nothing_twice(
    headrace: Headrace, api: Api
) -> None:
    house, suite = use(api), write_suite()
    ended = headrace("prompts", "optimise", "parity", "--suite", suite, "--budget", "1")
    assert ended.code == 0, ended.err
    assert "12 proposals; " in ended.err
    assert "twice" in ended.out
    assert "beats the hand-written prompt: +0." in ended.out
    assert "Saved as version 2 of parity; no label points to it." in ended.out
    report = json.loads(Path("parity-optimised/report.json").read_text(encoding="utf-8"))
    assert report["beats"] is True
    assert report["saved"] == 2
    assert report["spent"]["calls"] == len(house.backend.asked) <= report["planned"]["answers"]
    assert "version 2, unchanged" in headrace("prompts", "save", "parity-optimised/winner.yaml").out

    asked = len(house.backend.asked)
    command = ("prompts", "optimise", "parity", "--version", "1", "--suite", suite, "--json")
    again = told(headrace(*command))
    assert again["held_out"] == report["held_out"]
    assert again["spent"]["calls"] == 0
    assert len(house.backend.asked) == asked
    elsewhere = os.environ["HEADRACE_ENDPOINT"].replace("127.0.0.1", "localhost")
    other = told(headrace(*command, "--estimate", "--endpoint", elsewhere))
    assert other["spent"]["calls"] > 0, "answers of one stage are not those of another"


def test_should_leave_what_does_not_beat_in_its_file(headrace: Headrace, api: Api) -> None:
    use(api, lambda text: "even")
    ended = headrace("prompts", "optimise", "parity", "--suite", write_suite())
    assert "No proposal was better than the hand-written prompt" in ended.out
    assert told(headrace("prompts", "show", "parity", "--json"))["latest"] == 1
    assert not Path("parity-optimised/winner.yaml").exists()


def test_should_say_what_it_takes_and_refuse_less(headrace: Headrace, api: Api) -> None:
    house, suite = use(api), write_suite()
    command = ("prompts", "optimise", "parity", "--suite", suite)
    nothing = headrace(*command, "--budget", "0.000001")
    assert (nothing.code, "and the budget is $0.000001" in nothing.err) == (1, True)
    assert not house.backend.asked
    refused = headrace(*command, "--budget", "0.001")
    assert refused.code == 2
    assert "One full round takes about $0.0" in refused.err
    assert "Give --budget 0.0" in refused.err
    assert len(house.backend.asked) == 1
    estimate = told(headrace(*command, "--estimate", "--json"))
    assert estimate["planned"]["proposals"] == 12
    assert estimate["spent"]["calls"] < 20
    assert headrace(*command, "--budget", "much").code == 2
    assert headrace(*command, "--budget", "0").code == 2


def test_should_refuse_suites_that_cannot_be_used_for_nothing(headrace: Headrace, api: Api) -> None:
    house = use(api)
    command = ("prompts", "optimise", "parity", "--suite", write_suite(variable="txt"))
    refused = headrace(*command)
    assert (refused.code, "case c0, target prompt" in refused.err) == (2, True)
    write_suite(12)
    assert "20 are the fewest" in headrace(*command).err
    Path("suite.yaml").write_text("cases: 3", encoding="utf-8")
    assert "suite.yaml: The suite cannot be run: cases" in headrace(*command).err
    assert not house.backend.asked


def test_should_reword_by_a_capable_model(headrace: Headrace, api: Api) -> None:
    use(api)
    command = ("prompts", "optimise", "parity", "--suite", write_suite(), "--proposals", "3")
    ended = headrace(*command, "--method", "reflective", "--model", "small")
    assert ended.code == 0, ended.err
    assert "3 reflections" in ended.err
    assert "reflection 1 beats the hand-written prompt" in ended.out


@pytest.mark.parametrize(
    ("model", "answered_by", "reason"),
    [
        ("small", "", "Reflection takes a model of tier 3 or better"),
        ("auto", "smollm2-135m-instruct-q4_1", "a small model of this machine, which cannot"),
    ],
)
def test_should_refuse_to_reflect_by_a_small_model(
    headrace: Headrace, api: Api, model: str, answered_by: str, reason: str
) -> None:
    use(api, answered_by=answered_by)
    command = ("prompts", "optimise", "parity", "--suite", write_suite())
    refused = headrace(*command, "--method", "reflective", "--reflect-with", model)
    assert refused.code == 2
    assert reason in refused.err
    assert "--method halving" in refused.err


def test_should_end_early_and_keep_what_was_paid(headrace: Headrace, api: Api) -> None:
    house, suite = use(api), write_suite()
    command = ("prompts", "optimise", "parity", "--suite", suite, "--json")
    least = told(headrace(*command, "--estimate"))["planned"]["least_dollars"]
    ended = headrace(*command, "--budget", least)
    report = told(ended)
    assert float(report["spent"]["dollars"]) <= float(least)
    assert ended.code == (1 if report["ended_early"] else 0)
    assert house.backend.asked


def test_should_account_for_answers_that_were_cut_off(headrace: Headrace, api: Api) -> None:
    house = use(api)
    house.backend.script["small"] = CutOff(house, parity, "")
    ended = headrace(
        *("prompts", "optimise", "parity", "--suite", write_suite(), "--budget", "1"),
        *("--proposals", "2", "--json"),
    )
    report = told(ended)
    assert report["spent"]["calls"] == len(house.backend.asked) > 20
    assert float(report["spent"]["dollars"]) == pytest.approx(0.000014 * len(house.backend.asked))
    assert {each["score"] for each in report["proposals"]} == {0.0}
