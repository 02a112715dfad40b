"""`headrace data distil`, and rows of captured answers: which answers are taken, on which terms."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cli.data import locations
from cli.data.channel import OwnDataOptions, own_channel
from cli.data.distillation import read_prompts
from cli.failures import UsageError
from cli.options import StageOptions
from cli.output import Output
from models.failures import BadData
from models.training import recipe
from models.training_data.channel import read_manifest
from models.training_data.teachers import known_terms, read_records, teacher_record
from tests.unit.cli.conftest import Headrace
from tests.unit.cli.fake_headrace import FakeHeadrace
from tests.unit.cli.test_jobs import ESTIMATE, Call, FakeJobs, call, jobs
from tests.unit.models.training_data.test_bad_data import sentence

__all__ = ["call", "jobs"]

BATCHES = "/v1/generations/batches"
PLACE = StageOptions(None, None, None, Path("none"))
TAKES_CHATS = recipe.load("vae").model_copy(update={"data_kind": "chat"})


def generation(id_: str, text: str, finish: str = "stop", model: str = "nova-pro") -> str:
    output = {"task": "chat", "text": text, "finish": finish}
    return json.dumps({"id": id_, "generation": {"model": model, "output": output}})


def failure(id_: str, type_: str, field: str | None = None) -> str:
    return json.dumps({"id": id_, "error": {"type": type_, "message": "no", "field": field}})


@pytest.fixture
def asked(tmp_path: Path, jobs: FakeJobs) -> list[str]:
    """Write seven prompts, have a batch answer them, and return the command's arguments."""
    lines: list[dict[str, Any]] = [{"id": name, "prompt": f"Ask {name}"} for name in "abcdef"]
    old = [{"role": "user", "content": "Ask g"}, {"role": "assistant", "content": "an old answer"}]
    lines.append({"id": "g", "messages": old, "group": "one"})
    (tmp_path / "p.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    results = [
        generation("a", "Answer a"),
        generation("b", "I'm sorry, but I can't."),
        generation("c", "  "),
        generation("d", "half", "content_filter"),
        generation("g", "Answer g"),
    ]
    errors = [failure("e", "InvalidInput", "max_tokens"), failure("f", "ModelFailure")]
    jobs.files = {
        "results.jsonl": "\n".join(results).encode(),
        "errors.jsonl": "\n".join(errors).encode(),
    }
    jobs.ends = ["paused", "running", "succeeded"]
    files = ("--prompts", str(tmp_path / "p.jsonl"), "--into", str(tmp_path / "rows.jsonl"))
    return ["data", "distil", "--teacher", "nova-pro", *files, "--budget", "9"]


def test_answers_should_become_rows_and_the_others_be_counted_with_their_reasons(
    call: Call, jobs: FakeJobs, asked: list[str], tmp_path: Path
) -> None:
    example = [{"role": "user", "content": "1"}, {"role": "assistant", "content": "one"}]
    (tmp_path / "e.jsonl").write_text(json.dumps({"messages": example}))
    given = ("--examples", str(tmp_path / "e.jsonl"), "--system", "Be brief.", "--yes")
    ended = call(*asked, *given, "--accept-terms", "amazon-nova", "--json")
    assert ended.code == 0, ended.err
    (body,) = (body for _, path, body in jobs.asked if path == BATCHES)
    assert (body["model"], body["fallback"], body["confirm"]) == ("nova-pro", False, True)
    (sent,) = (line for line in jobs.uploaded.splitlines() if b'"id": "a"' in line)
    line = json.loads(sent)
    assert (line["system"], line["max_tokens"], line["temperature"]) == ("Be brief.", 512, 0)
    assert line["messages"] == [*example, {"role": "user", "content": "Ask a"}]
    rows = [json.loads(each) for each in (tmp_path / "rows.jsonl").read_text().splitlines()]
    assert [row["id"] for row in rows] == ["a", "g"]
    assert (rows[1]["group"], rows[1]["messages"][-1]["content"]) == ("one", "Answer g")
    assert [turn["role"] for turn in rows[0]["messages"]] == ["system", "user", "assistant"]
    dropped = {"declined": 1, "empty": 1, "filtered": 1, "cut off": 1, "ModelFailure": 1}
    assert ended.json["dropped"] == dropped
    (record,) = read_records(tmp_path / "rows.jsonl")
    assert (record.model, record.provider, record.terms) == ("nova-pro", "Amazon", "amazon-nova")
    assert (record.rows, record.dropped, record.accepted) == (2, dropped, True)


def test_terms_that_nobody_agreed_to_should_be_asked_for_before_anything_is_spent(
    call: Call, jobs: FakeJobs, asked: list[str]
) -> None:
    ended = call(*asked, "--yes")
    assert ended.code == 2
    assert "its terms on training by outputs are unknown" in ended.err.replace("\n", " ")
    assert "--accept-terms amazon-nova" in ended.err.replace("\n", " ")
    assert jobs.asked == []


def test_an_estimate_above_the_budget_should_cancel_the_batch(
    call: Call, jobs: FakeJobs, asked: list[str]
) -> None:
    small = [*asked[:-1], "8.9", "--yes", "--accept-terms", "amazon-nova"]
    ended = call(*small)
    assert ended.code == 2
    assert "cost $9 at most, with every repeat" in ended.err
    assert [method for method, path, _ in jobs.asked if path == "/v1/jobs/JOB0"][-1] == "DELETE"
    assert not [path for _, path, _ in jobs.asked if path.endswith("/resume")]


def test_a_teacher_without_a_price_should_cancel_the_batch(
    call: Call, jobs: FakeJobs, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = {"service_tier": "standard", "dollars": None, "reason": "it has no price"}
    model = {"wanted": "nova-pro", "items": 7, "paths": [path], "words": []}
    estimate = {**ESTIMATE, "models": [model], "dollars": "0", "dollars_bound": "0"}
    monkeypatch.setattr("tests.unit.cli.test_jobs.ESTIMATE", estimate)
    ended = call(*asked, "--yes", "--accept-terms", "amazon-nova")
    assert ended.code == 2
    assert "nova-pro has no price" in ended.err
    assert not [path for _, path, _ in jobs.asked if path.endswith("/resume")]


def test_a_batch_that_ran_should_be_read_and_not_run_again(
    call: Call, jobs: FakeJobs, asked: list[str], tmp_path: Path
) -> None:
    jobs.batch()
    jobs.ends = ["succeeded"]
    agreed = ("--accept-terms", "amazon-nova")
    assert call(*asked, "--batch", "JOB0", *agreed).code == 0
    assert not jobs.uploaded
    jobs.files["results.jsonl"] = generation("z", "Answer").encode()
    ended = call(*asked, "--batch", "JOB0", *agreed)
    assert (ended.code, "answered 'z', which is none of the prompts" in ended.err) == (2, True)


def test_prompts_without_an_id_should_have_one_that_no_other_file_gives(tmp_path: Path) -> None:
    found = []
    for name in ("trained.txt", "held-out.txt"):
        (tmp_path / name).write_text("Why?\n\nHow?\n")
        found += [each.id for each in read_prompts(tmp_path / name)]
    assert found == ["trained-1", "trained-3", "held-out-1", "held-out-3"]


def test_prompts_may_hold_the_line_separators_of_unicode(tmp_path: Path) -> None:
    file = tmp_path / "p.jsonl"
    file.write_text(json.dumps({"prompt": "one\u2028two"}, ensure_ascii=False), encoding="utf-8")
    (prompt,) = read_prompts(file)
    assert prompt.messages[0]["content"] == "one\u2028two"
    file.write_bytes(b'{"prompt": "caf\xe9"}')
    with pytest.raises(UsageError, match="is not UTF-8"):
        read_prompts(file)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "p.jsonl:1: is no JSON"),
        ("[]", "p.jsonl:1: is no JSON object"),
        ('{"text": "a"}', "p.jsonl:1: prompt is a text, or messages a list"),
        ('{"prompt": " "}', "p.jsonl:1: messages: content has to be a text"),
        ('{"messages": [{"role": "tool", "content": "a"}]}', "p.jsonl:1: messages alternate"),
        ('{"id": "a", "prompt": "a"}\n{"id": "a", "prompt": "b"}', "p.jsonl:2: the id 'a'"),
        ("", "has 0 prompts"),
    ],
)
def test_prompts_that_are_none_should_be_named(
    call: Call, asked: list[str], tmp_path: Path, line: str, message: str
) -> None:
    (tmp_path / "p.jsonl").write_text(line)
    ended = call(*asked, "--accept-terms", "amazon-nova")
    assert (ended.code, message in ended.err.replace("\n", "")) == (2, True), ended.err


def captured(number: int, **changes: Any) -> dict[str, Any]:
    """Return a captured call as the API shows it."""
    asked = {"type": "text", "text": f"Tell me of {sentence(number)}"}
    call = {"task": "chat", "messages": [{"role": "user", "content": [asked]}]}
    return {
        "id": f"01{number:024d}",
        "subject": {"kind": "model", "name": "claude-haiku-4-5"},
        "version": "haiku",
        "created_at": f"2026-11-{30 - number // 5:02d}T00:00:00Z",
        "input": json.dumps({"call": call}),
        "output": f"Gladly: {sentence(number)}",
        **changes,
    }


@pytest.fixture
def capturing(
    fake: FakeHeadrace, headrace: Headrace, monkeypatch: pytest.MonkeyPatch
) -> FakeHeadrace:
    """Have a monitor of the tenant acme that captured thirty answers and four that give no row."""
    monkeypatch.setattr(locations, "tenant_of_key", lambda target, place: "acme")
    subject = {"kind": "model", "name": "claude-haiku-4-5"}
    fake.documents["monitors"] = {"items": [{"name": "m", "subject": subject}]}
    items = [
        *(captured(number) for number in range(30)),
        captured(30, outcome="refused"),
        captured(31, outcome="error", output=None),
        captured(32, left_out=["images"]),
        captured(33, input=json.dumps({"call": {"task": "embedding", "texts": ["a"]}})),
    ]
    fake.documents["calls?limit=25"] = {"items": items}
    return fake


def channel(given: str, tmp_path: Path, *terms: str) -> Any:
    own = OwnDataOptions(given, None, "ours", (), (), terms)
    return own_channel(TAKES_CHATS, own, replace(PLACE, data_dir=tmp_path), Output())


def test_captured_answers_should_be_trained_on_once_the_teachers_terms_are_agreed_to(
    capturing: FakeHeadrace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = "generations:claude-haiku-4-5"
    with (
        pytest.raises(UsageError, match=r"restricted: .*--accept-terms anthropic"),
        channel(given, tmp_path),
    ):
        pytest.fail("nobody agreed")
    with channel(given, tmp_path, "anthropic") as prepared:
        manifest = read_manifest(prepared)
    assert (manifest.source, sum(manifest.counts.values())) == (given, 30)
    assert manifest.tenant == "acme"
    (teacher,) = manifest.teachers
    assert (teacher.model, teacher.accepted, teacher.rows) == ("claude-haiku-4-5", True, 30)
    assert teacher.dropped == {
        "declined": 1,
        "failed": 1,
        "with pictures": 1,
        "not kept as a chat": 1,
    }
    with channel(f"{given}?since=2026-11-28&until=2026-11-30", tmp_path, "anthropic") as prepared:
        assert sum(read_manifest(prepared).counts.values()) == 10


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("generations:nova-pro", "No monitor captures nova-pro"),
        ("generations:claude-haiku-4-5?rating=up", "rating is no filter; there are since"),
        ("generations:claude-haiku-4-5?since=soon", "'soon' is no date"),
        ("generations:minilm-l6-v2", "a teacher answers chats"),
    ],
)
def test_answers_that_are_not_there_should_be_said_to_be_so(
    capturing: FakeHeadrace, tmp_path: Path, given: str, message: str
) -> None:
    with pytest.raises(UsageError, match=message), channel(given, tmp_path, "anthropic"):
        pytest.fail("there are none")


def test_every_provider_should_have_terms_by_a_name() -> None:
    for name, terms in known_terms().items():
        assert teacher_record("m", terms.provider).terms == name
        assert bool(terms.read) == (terms.training in ("restricted", "conditional"))
    other = teacher_record("m", "Some Lab Ltd.", ("some-lab-ltd",))
    assert (other.terms, other.training, other.accepted) == ("some-lab-ltd", "unknown", True)
    assert teacher_record("m", "Headrace").accepted


def test_a_broken_record_should_be_named(tmp_path: Path) -> None:
    (tmp_path / "rows.teacher.json").write_text("{}")
    with pytest.raises(BadData, match=r"rows\.teacher\.json is no record of a teacher"):
        read_records(tmp_path / "rows.jsonl")
