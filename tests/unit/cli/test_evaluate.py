"""`headrace evaluate`: what is sent, what is written, and how it exits for a pipeline."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from chalicelib.contracts.evaluations.results import EvaluationResult
from chalicelib.contracts.evaluations.suites import SuiteCase, Target
from chalicelib.evaluation.suites import read_suite
from chalicelib.evaluation.summary import summarize
from cli import jobs
from cli.evaluation.tuning import command
from cli.main import run
from infra.models.training import TrainingError
from infra.models.tuned_versions import TrainingBill, TunedVersion
from models.training_data.channel import DataSource, write_channel
from models.training_data.rows import ChatExample, DataRow
from tests.unit.cli.conftest import Ended
from tests.unit.evaluation.fakes import Targets, right, runner, suite
from tests.unit.jobs.examples import JOB, NOW

SUITE = (
    "name: rivers\n"
    "targets: [{kind: model, name: now, model: nova-micro}]\n"
    "graders: [{type: exact}]\n"
    "cases:\n"
    + "".join(
        f"  - {{id: c{n}, variables: {{input: x}}, expected: answer {n}}}\n" for n in range(6)
    )
)


def result(reply: Callable[[Target, SuiteCase, int], str] = right) -> EvaluationResult:
    made = suite()
    cases = list(runner(made, Targets(reply)).run_all())
    return summarize(made, cases, evaluation_id=JOB, created_at=NOW)


@dataclass
class Stage:
    """A stage that ends each evaluation with `result`; `refusal` answers the first request."""

    result: EvaluationResult = field(default_factory=result)
    statuses: list[str] = field(default_factory=lambda: ["running", "succeeded"])
    refusal: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    asked: list[tuple[str, str, Any]] = field(default_factory=list)
    url: str = ""
    reply: Callable[[Target, SuiteCase, int], str] | None = None
    """Where it is given, the suite that is sent is run with its answers."""

    def answer(self, method: str, path: str, body: Any) -> tuple[int, bytes]:
        self.asked.append((method, path, body))
        content = self.result.model_dump_json().encode()
        if path == "/results.json":
            return 200, content
        if path == "/v1/evaluations" and self.reply is not None:
            sent = read_suite(body["suite"])
            cases = list(runner(sent, Targets(self.reply)).run_all())
            self.result = summarize(sent, cases, evaluation_id=JOB, created_at=NOW)
        if path == "/v1/evaluations":
            if self.refusal is not None:
                return 400, json.dumps({"error": self.refusal}).encode()
            return 202, json.dumps({"evaluation_id": JOB}).encode()
        if path.endswith("/resume"):
            self.statuses = ["succeeded"]
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        files = [{"name": "results.json", "bytes": len(content), "url": f"{self.url}/results.json"}]
        estimate = {"items": 6, "dollars": "0.5", "dollars_bound": "9", "seconds": 3, "models": []}
        job = {
            "job_id": JOB,
            "kind": "evaluation",
            "status": status,
            "phase": "estimated" if status == "paused" else "done",
            "counts": {"total": 6, "done": 6, "failed": 0, "cancelled": 0, "expired": 0},
            "results": files if status == "succeeded" else [],
            "receipt": None,
            "estimate": estimate,
            "notes": [],
            "error": self.error,
        }
        return 200, json.dumps(job).encode()


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Stage]:
    made = Stage()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            return

        def _answer(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, body = made.answer(self.command, self.path, json.loads(raw) if raw else None)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    for method in ("GET", "POST"):
        setattr(Handler, f"do_{method}", Handler._answer)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.setenv("HEADRACE_ENDPOINT", made.url)
    monkeypatch.setenv("HEADRACE_API_KEY", "hr_key")
    monkeypatch.setattr(jobs, "POLL_SECONDS", 0.01)
    (tmp_path / "rivers.yaml").write_text(SUITE)
    monkeypatch.chdir(tmp_path)
    try:
        yield made
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def evaluate(stage: Stage, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    def call(*arguments: str) -> Ended:
        code = run(("evaluate", *arguments))
        said = capsys.readouterr()
        return Ended(code, said.out, said.err)

    return call


def test_a_gate_that_passed_should_exit_with_0_and_write_the_reports(
    evaluate: Callable[..., Ended], stage: Stage
) -> None:
    files = ("--results", "r.json", "--junit", "r.xml", "--html", "r.html")
    ended = evaluate("rivers.yaml", "--budget", "0.5", "--prompt", "sum-up@3", *files)
    assert (ended.code, ended.err.count("Error")) == (0, 0), ended.err
    assert "The gate passed." in ended.out
    (body,) = (body for _, path, body in stage.asked if path == "/v1/evaluations")
    assert body["budget"] == "0.5"
    assert body["suite"]["targets"] == [
        {"kind": "prompt", "name": "sum-up", "prompt": "sum-up", "version": 3}
    ]
    assert EvaluationResult.model_validate_json(Path("r.json").read_bytes()) == stage.result
    assert Path("r.xml").read_text().startswith("<?xml")
    assert "The gate passed" in Path("r.html").read_text()


def test_a_gate_that_did_not_pass_should_exit_with_1_and_name_the_cases(
    evaluate: Callable[..., Ended], stage: Stage
) -> None:
    Path("before.json").write_text(stage.result.model_dump_json())
    stage.result = result(lambda target, case, repeat: "wrong")
    ended = evaluate("rivers.yaml", "--baseline", "before.json")
    assert ended.code == 1
    assert "Worse: c0 (1.00 to 0.00)" in ended.out.replace("\n", " ")
    assert "baseline" not in json.dumps(stage.asked[0][2]), "a file is compared here"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("broken.yaml",), "grader vibes"),
        (("rivers.yaml", "--baseline", "gone.json"), "gone.json cannot be read"),
        (("rivers.yaml", "--baseline", "rivers.json"), "holds no results of an evaluation"),
        (("rivers.yaml", "--prompt", "A B"), "is no NAME or NAME@VERSION"),
        (("rivers.yaml", "--baseline", "lakes.json"), "is of the suite lakes, not of rivers"),
        (("number.yaml", "--model", "nova-micro"), "targets: "),
    ],
)
def test_a_suite_that_cannot_be_run_should_exit_with_2(
    evaluate: Callable[..., Ended], stage: Stage, arguments: tuple[str, ...], message: str
) -> None:
    Path("broken.yaml").write_text(SUITE.replace("exact", "vibes"))
    Path("number.yaml").write_text("targets: 5\ncases: []\n")
    Path("rivers.json").write_text("{}")
    lakes = stage.result.model_copy(update={"suite": "lakes"})
    Path("lakes.json").write_text(lakes.model_dump_json())
    ended = evaluate(*arguments)
    assert ended.code == 2
    assert message in ended.err
    assert stage.asked == []


def test_what_the_stage_refuses_should_exit_with_2(
    evaluate: Callable[..., Ended], stage: Stage
) -> None:
    stage.refusal = {"type": "NotFound", "message": "There is no prompt x.", "request_id": "r"}
    assert evaluate("rivers.yaml").code == 2
    stage.refusal = None
    stage.statuses, stage.error = ["failed"], {"type": "InvalidInput", "message": "of lakes"}
    ended = evaluate("rivers.yaml", "--baseline", JOB)
    assert (ended.code, "of lakes" in ended.err) == (2, True)
    assert stage.asked[-2][2]["baseline"] == JOB


def test_an_estimate_should_be_shown_before_anything_is_spent(
    evaluate: Callable[..., Ended], stage: Stage
) -> None:
    stage.statuses = ["paused"]
    ended = evaluate("rivers.yaml", "--estimate", "--yes")
    assert ended.code == 0, ended.err
    assert "6 calls, at most $0.5" in ended.err.replace("\n", " ")
    assert [path for _, path, _ in stage.asked if path.endswith("/resume")]
    assert stage.asked[0][2]["confirm"] is True


def test_reports_of_promptfoo_should_be_written_unless_told_otherwise(
    evaluate: Callable[..., Ended], stage: Stage
) -> None:
    Path("promptfooconfig.yaml").write_text(
        "prompts: ['{{input}}']\n"
        "providers: [nova-micro]\n"
        "tests: [{vars: {input: x}}]\n"
        "outputPath: [their.html, their.json, their.csv]\n"
    )
    ended = evaluate("promptfooconfig.yaml", "--html", "ours.html")
    said = ended.err.replace("\n", " ")
    assert "outputPath their.csv is not written" in said
    assert "1 of 1 tests have no assert: test 1." in said
    assert sorted(path.name for path in Path().glob("*.*")) == [
        *("ours.html", "promptfooconfig.yaml", "rivers.yaml", "their.json")
    ]
    (body,) = (body for _, path, body in stage.asked if path == "/v1/evaluations")
    assert body["suite"]["cases"] == [
        {"id": "test 1", "variables": {"input": "x"}, "ungraded": True}
    ]


TASKS = dict.fromkeys(("mine", "mine-base", "nova-micro"), "chat")


@dataclass
class TunedStage:
    """The registry of a stage that serves the model `mine`, with a base beside it."""

    tenant: str = ""

    def find(self, name: str) -> TunedVersion:
        if name.partition("@")[0] != "mine":
            raise TrainingError(f"No trained version serves as {name!r}.")
        bill = TrainingBill(100, Decimal("0.01"))
        champion = "mine" if "@" in name else ""
        return TunedVersion(name, "group/2", "r", "s3://b/d/", bill, "mine-base", champion)

    def fetch_data(self, version: TunedVersion, into: Path) -> Path:
        def row(question: str, answer: str) -> ChatExample:
            turns = [
                {"role": "user", "content": question},
                {"role": "assistant", "content": answer},
            ]
            return ChatExample.model_validate({"messages": turns})

        rows: dict[Any, list[DataRow]] = {
            "train": [row(f"learned {n * 104729}", f"answer {n}") for n in range(3)],
            "test": [row(f"judged {n * 7919}", f"answer {n}") for n in range(24)],
        }
        about = DataSource(source="a test", licence="CC0-1.0", tenant=self.tenant)
        write_channel(into, "chat", rows, about)
        return into


def test_a_tuned_model_should_be_compared_by_an_ordinary_evaluation(
    evaluate: Callable[..., Ended], stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "_versions", lambda place: TunedStage())
    monkeypatch.setattr(command, "_tasks", lambda place: TASKS)
    stage.reply = lambda target, case, repeat: (
        (case.expected or "") if target.name == "mine candidate" else "no"
    )
    stage.statuses = ["paused"]
    asked = ("tuned", "mine@candidate", "--budget", "0.5", "--model", "nova-micro", "--yes")
    ended = evaluate(*asked, "--html", "t.html", "--results", "t.json", "--suite", "suite.json")
    assert ended.code == 0, ended.err
    ((_, _, body), *_) = (each for each in stage.asked if each[1] == "/v1/evaluations")
    assert (body["budget"], body["confirm"]) == ("0.5", True)
    assert [each["model"] for each in body["suite"]["targets"]] == [
        *("mine@candidate", "mine-base", "mine-base", "mine", "nova-micro", "nova-micro")
    ]
    shown = body["suite"]["targets"][2]["examples"]
    assert shown[0] == {"user": "learned 0", "assistant": "answer 0"}
    assert body["suite"]["cases"][0]["variables"]["conversation"] == [
        {"role": "user", "content": "judged 0"}
    ]
    table = json.loads(Path("t.json").read_text())
    assert (table["verdict"]["word"], table["metric"], table["rows"]) == ("worth it", "f1", 24)
    assert "Worth it" in Path("t.html").read_text()
    assert json.loads(Path("suite.json").read_text())["compare_to"] == "mine candidate"


def test_rows_of_another_tenant_should_be_asked_only_where_that_is_said(
    evaluate: Callable[..., Ended], stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "_versions", lambda place: TunedStage("acme"))
    monkeypatch.setattr(command, "_tasks", lambda place: TASKS)
    monkeypatch.setattr(command, "tenant_of_key", lambda target, place: "local")
    stage.reply, stage.statuses = right, ["paused"]
    ended = evaluate("tuned", "mine", "--budget", "1", "--yes")
    assert ended.code == 2
    assert "learned from data of the tenant acme, and the key is of local" in ended.err
    assert not stage.asked
    monkeypatch.setattr(command, "tenant_of_key", lambda target, place: "acme")
    assert "tenant" not in evaluate("tuned", "mine", "--budget", "1", "--yes").err
    monkeypatch.setattr(command, "tenant_of_key", lambda target, place: "local")
    assert "tenant" not in evaluate("tuned", "mine", "--budget", "1", "--yes", "--other-tenant").err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("other", "--budget", "1"), 1, "No trained version serves as 'other'"),
        (("mine",), 2, "Missing option '--budget'"),
        (("mine", "--budget", "1", "--metric", "mcc"), 2, "measured here are f1, exact_match"),
        (("mine", "--budget", "1", "--model", "nova-max"), 2, "No model is served as 'nova-max'"),
        (("mine", "--budget", "1"), 1, "Nothing was spent."),
    ],
)
def test_what_is_not_compared_should_cost_nothing(
    evaluate: Callable[..., Ended],
    stage: Stage,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    code: int,
    message: str,
) -> None:
    monkeypatch.setattr(command, "_versions", lambda place: TunedStage())
    monkeypatch.setattr(command, "_tasks", lambda place: TASKS)
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    stage.reply, stage.statuses = right, ["paused"]
    ended = evaluate("tuned", *arguments)
    assert (ended.code, message in ended.err) == (code, True), ended.err
    assert not [path for _, path, _ in stage.asked if path.endswith("/resume")]
