"""`headrace prompts` against the API's own views, over HTTP on loopback."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from chalicelib.contracts.rollouts import LivePointer, Subject
from chalicelib.rollouts.arms import LiveTraffic
from cli.main import run
from cli.prompts.files import read_prompt, written
from tests.unit.api.fakes import KEY, Api
from tests.unit.cli.api_server import serving_views
from tests.unit.cli.conftest import Ended, Headrace
from tests.unit.generation.fakes import House

PROMPT = """\
name: sum-up
description: Sums up a report.
variables:
  report: {type: document}
  words: {type: integer, default: 50}
  tone: {type: enum, values: [no, plain], default: plain}
  topics: {type: strings, required: false}
  brief: {type: boolean, default: false}
  share: {type: number, default: 0.5}
role: |
  You write plainly.
  You add nothing.
turns:
  - template: |
      Sum up in {{ words }} words, {{ tone }}, {{ brief }}, {{ share }}:
      {{ report }}
      {% if topics is defined %}{{ topics|join(" and ") }}{% endif %}
    examples:
      - variables: {report: "It rained.", words: 10, tone: plain, brief: true, share: 1}
        output: Rain.
verifier:
  template: "True? {{ answer }}"
terms: {quality: 2}
"""


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
    """Run the command against the views."""

    monkeypatch.setenv("HEADRACE_API_KEY", KEY)
    monkeypatch.setenv("HEADRACE_DATA_DIR", str(tmp_path / "data"))

    def call(*arguments: str) -> Ended:
        code = run(arguments)
        said = capsys.readouterr()
        return Ended(code, said.out, said.err)

    with serving_views(api) as address:
        monkeypatch.setenv("HEADRACE_ENDPOINT", address)
        yield call


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "sum-up.yaml"
    path.write_text(PROMPT, encoding="utf-8")
    return path


def test_should_save_a_file_and_write_it_back_as_one(
    headrace: Headrace, file: Path, tmp_path: Path
) -> None:
    assert headrace("prompts", "save", str(file)).out == "sum-up: version 1, saved\n"
    assert headrace("prompts", "save", str(file)).out == "sum-up: version 1, unchanged\n"
    shown = headrace("prompts", "show", "sum-up", "--version", "latest").out
    assert "template: |\n" in shown
    again = tmp_path / "again.yaml"
    again.write_text(shown, encoding="utf-8")
    assert headrace("prompts", "save", str(again)).out == "sum-up: version 1, unchanged\n"


def test_should_save_all_prompts_of_a_folder_and_tell_of_those_refused(
    headrace: Headrace, file: Path
) -> None:
    broken = file.with_name("broken.yaml")
    broken.write_text("turns:\n  - template: '{{ missing }}'\n", encoding="utf-8")
    file.with_name("named-so.json").write_text('{"turns": [{"template": "x"}]}', encoding="utf-8")
    file.with_name("notes.txt").write_text("no prompt", encoding="utf-8")
    ended = headrace("prompts", "save", str(file.parent), "--label", "production")
    assert ended.code == 1
    assert "named-so: version 1, production, saved" in ended.out
    assert "sum-up: version 1, production, saved" in ended.out
    assert "broken.yaml" in ended.err
    assert "there is no variable 'missing'" in ended.err
    assert "production 1" in headrace("prompts", "ls").out
    listed = headrace("prompts", "ls", "--json").json
    assert [each["name"] for each in listed] == ["named-so", "sum-up"]


def test_should_show_versions_and_move_labels(headrace: Headrace, file: Path) -> None:
    for words in ("plainly", "kindly", "well"):
        file.write_text(PROMPT.replace("plainly", words), encoding="utf-8")
        headrace("prompts", "save", str(file))
    assert headrace("prompts", "label", "sum-up", "production", "2").code == 0
    shown = headrace("prompts", "show", "sum-up").out
    assert "Sums up a report." in shown
    assert [line.split()[:2] for line in shown.splitlines()[2:4]] == [
        ["3", "latest"],
        ["2", "production"],
    ]
    by_label = headrace("prompts", "show", "sum-up", "--version", "production", "--json").json
    assert by_label["content"]["role"] == "You write kindly.\nYou add nothing.\n"
    ended = headrace("prompts", "rm", "sum-up", "--version", "2")
    assert (ended.code, "production points to" in ended.err) == (1, True)
    assert headrace("prompts", "rm", "sum-up", "--version", "1").code == 0
    assert headrace("prompts", "label", "sum-up", "production", "--rm").code == 0
    assert headrace("prompts", "rm", "sum-up").code == 0
    assert headrace("prompts", "ls", "--json").json == []


def test_should_list_all_pages(headrace: Headrace, api: Api) -> None:
    for n in range(45):
        body = {"name": "many", "turns": [{"template": f"Turn {n}"}]}
        assert api.call("POST", "/v1/prompts", body).status_code == 201
    shown = headrace("prompts", "show", "many", "--json").json
    assert [each["version"] for each in shown["items"]] == [*range(45, 0, -1)]


def test_should_show_what_would_be_sent(headrace: Headrace, file: Path, tmp_path: Path) -> None:
    headrace("prompts", "save", str(file))
    report = tmp_path / "report.txt"
    report.write_text("The weir is shut.\n", encoding="utf-8")
    given = [
        "words=20",
        f"report=@{report}",
        "topics=weirs",
        "topics=gates",
        "brief=true",
        "share=2",
    ]
    variables = [part for each in given for part in ("--var", each)]
    ended = headrace("prompts", "render", "sum-up", *variables, "--output", "answer=Shut.")
    assert ended.code == 0, ended.err
    assert "Sum up in 20 words, plain, true, 2.0:" in ended.out
    assert "weirs and gates" in ended.out
    assert "-- assistant\nRain." in ended.out
    assert "== verifier: chat, about" in ended.out
    assert "Shut." in ended.out
    values = tmp_path / "values.yaml"
    values.write_text("report: It rained.\nwords: 30\n", encoding="utf-8")
    more = headrace(
        "prompts", "render", "sum-up", "--vars", str(values), "--var", "words=40", "--json"
    )
    text = more.json["turns"][0]["call"]["messages"][-1]["content"][0]["text"]
    assert text.startswith("Sum up in 40 words")


def test_should_show_what_a_picture_is_not_to_show(headrace: Headrace, api: Api) -> None:
    body = {
        "name": "weir",
        "image": {},
        "negative_prompt": "people",
        "turns": [{"template": "Dawn"}],
    }
    api.call("POST", "/v1/prompts", body)
    ended = headrace("prompts", "render", "weir")
    assert ended.out.splitlines()[1:] == ["Dawn", "-- not", "people"]


@pytest.mark.parametrize(
    ("said", "code", "told"),
    [("ACCEPT", 0, "verifier: accepted"), ("REJECT: No.", 1, "verifier: rejected, No.")],
)
def test_should_run_a_prompt_and_tell_what_it_cost(
    headrace: Headrace, api: Api, file: Path, said: str, code: int, told: str
) -> None:
    api.house = House({"small": ["Rain.", said]})
    file.write_text(PROMPT.replace("quality: 2", "quality: 1"), encoding="utf-8")
    headrace("prompts", "save", str(file), "--label", "production")
    asked = ("prompts", "run", "sum-up", "--version", "production", "--var", "report=It rained.")
    ended = headrace(*asked)
    # The views run in this process, whose metrics go to the same standard output.
    assert (ended.code, ended.out.splitlines()[-2:]) == (code, ["Rain.", told])
    assert "total:" in ended.err


def test_should_run_a_label_by_its_name_so_that_a_rollout_may_answer(
    headrace: Headrace, api: Api, file: Path
) -> None:
    api.house = House({"small": ["Rain.", "ACCEPT"]})
    content = PROMPT.replace("quality: 2", "quality: 1")
    file.write_text(content, encoding="utf-8")
    headrace("prompts", "save", str(file), "--label", "production")
    file.write_text(content.replace("description: ", "description: Newer. "), encoding="utf-8")
    headrace("prompts", "save", str(file))
    subject = Subject(kind="prompt", name="sum-up", label="production")
    pointer = LivePointer(
        subject=subject, rollout_id="rol_1", live="1", to="2", share=100, salt="rol_1"
    )
    traffic = LiveTraffic({subject.key: pointer})
    api.prompt_runs = replace(api.prompt_runs, traffic=lambda tenant: traffic)
    asked = ("prompts", "run", "sum-up", "--version", "production", "--var", "report=It rained.")
    ended = headrace(*asked, "--end-user", "ada")
    assert "candidate arm of rollout rol_1" in ended.err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--var", "words=many", "--var", "report=x"), "--var words takes a number, not 'many'"),
        (("--var", "brief=yes"), "takes true or false"),
        (("--var", "words=1", "--var", "words=2"), "stands twice"),
        (("--var", "words"), "is not NAME=VALUE"),
        (("--var", "report=@/nothing/here"), "cannot be read"),
    ],
)
def test_should_say_which_variable_is_wrong(
    headrace: Headrace, file: Path, arguments: tuple[str, ...], says: str
) -> None:
    headrace("prompts", "save", str(file))
    ended = headrace("prompts", "render", "sum-up", *arguments)
    assert ended.code == 2
    assert says in ended.err


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("- a\n- b\n", "is no prompt"),
        ("turns: [\n", "is no YAML"),
        ("role: a\nrole: b\n", "the key 'role' stands twice"),
        ("role: !!python/object/apply:os.system [id]\n", "is no YAML"),
    ],
)
def test_should_refuse_a_file_that_is_no_prompt(
    headrace: Headrace, file: Path, text: str, says: str
) -> None:
    file.write_text(text, encoding="utf-8")
    ended = headrace("prompts", "save", str(file))
    assert ended.code == 2
    assert says in ended.err


def test_should_refuse_a_folder_without_prompts_and_half_a_label(
    headrace: Headrace, tmp_path: Path
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "holds no prompts" in headrace("prompts", "save", str(empty)).err
    assert headrace("prompts", "label", "a", "b").code == 2
    assert headrace("prompts", "label", "a", "b", "1", "--rm").code == 2


def test_should_read_plain_words_as_json_does(file: Path) -> None:
    file.write_text("a: no\nb: 2026-01-02\nc: 1_000\nd: 0x1f\ne: true\nf: 1.5\ng: ~\nh:\n", "utf-8")
    assert read_prompt(file) == {
        "name": "sum-up",
        "a": "no",
        "b": "2026-01-02",
        "c": "1_000",
        "d": "0x1f",
        "e": True,
        "f": 1.5,
        "g": "~",
        "h": None,
    }


def test_should_leave_out_only_what_says_nothing() -> None:
    content = {
        "description": "",
        "variables": {"a": {"default": None, "required": True, "type": "string"}},
        "turns": [{"name": "answer", "template": "x", "examples": [{"variables": {"a": ""}}]}],
        "output_schema": {"type": "object", "properties": {}},
        "parameters": {"max_tokens": 5, "stop": []},
    }
    assert yaml.safe_load(written("p", content)) == {
        "name": "p",
        "variables": {"a": {"type": "string"}},
        "turns": [{"name": "answer", "template": "x", "examples": [{"variables": {"a": ""}}]}],
        "output_schema": {"type": "object", "properties": {}},
        "parameters": {"max_tokens": 5},
    }
    assert json.dumps(content).count("null") == 1, "what is written is no part of what was given"


def test_should_guard_a_label_by_a_suite_and_show_an_override(
    headrace: Headrace, file: Path, tmp_path: Path
) -> None:
    headrace("prompts", "save", str(file))
    suite = tmp_path / "station.yaml"
    suite.write_text(
        "targets: []\ngraders: [{type: contains}]\n"
        "cases: [{id: weir, variables: {report: The weir hums.}, expected: weir}]\n"
    )
    ended = headrace("prompts", "suite", "sum-up", str(suite))
    assert ended.out == "sum-up: the suite station guards production.\n", ended.err
    refused = headrace("prompts", "label", "sum-up", "production", "1")
    assert (refused.code, "has not been run by its suite station" in refused.err) == (1, True)
    moved = headrace("prompts", "label", "sum-up", "production", "1", "--override", "A fire.")
    assert (moved.code, "OVERRIDDEN: Version 1" in moved.err) == (0, True)
    shown = headrace("prompts", "show", "sum-up").out
    assert "the suite station guards production" in shown
    assert "production to version 1: A fire." in shown
    assert headrace("prompts", "suite", "sum-up", "--rm").code == 0
    assert headrace("prompts", "suite", "sum-up").code == 2
