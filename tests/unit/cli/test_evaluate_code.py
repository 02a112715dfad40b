"""`headrace evaluate code`, against a Headrace whose jobs go on by a step a look."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from chalicelib.evaluation.code.problems import twelve
from tests.unit.cli.test_batch import BATCHES, UPLOADS
from tests.unit.cli.test_jobs import Call, FakeJobs, call, jobs

__all__ = ["call", "jobs"]

TWO_SUM = twelve()[0]
PROBLEM = {
    "task_id": "Mine/0",
    "prompt": "def f(x):\n    '''Return x.'''\n",
    "entry_point": "f",
    "test": "def check(candidate):\n    assert candidate(1) == 1\n",
}


@pytest.fixture
def mine(tmp_path: Path) -> str:
    file = tmp_path / "mine.jsonl"
    file.write_text(json.dumps(PROBLEM) + "\n")
    return str(file)


def answers(jobs: FakeJobs, *verdicts: str, errors: int = 0) -> None:
    """Let the next batch end with these verdicts on samples of `Mine/0`."""
    code = [{"verdict": each, "reason": f"why\u2028{each}"} for each in verdicts]
    results = [{"id": f"Mine/0#{n}", "code": each} for n, each in enumerate(code)]
    error = {"type": "QuotaExceeded", "message": "The budget is used up."}
    failed = [{"id": f"Mine/0#{len(code) + n}", "error": error} for n in range(errors)]
    jobs.files = {
        name: "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines).encode()
        for name, lines in (("results.jsonl", results), ("errors.jsonl", failed))
    }


def begun(jobs: FakeJobs) -> dict[str, Any]:
    (body,) = (body for _, path, body in jobs.asked if path == BATCHES)
    return body


def test_should_have_samples_drawn_and_report_what_became_of_them(
    call: Call, jobs: FakeJobs, mine: str, tmp_path: Path
) -> None:
    answers(jobs, "passed", "failed", "out_of_fuel", "failed")
    into = tmp_path / "out"
    options = ["--problems", mine, "--samples", "4", "--k", "1,2", "--into", str(into)]
    ended = call("evaluate", "code", "--model", "smollm2", *options)
    assert ended.code == 0, ended.err
    assert begun(jobs) == {"batch_id": "UPLOADED", "model": "smollm2", "fallback": False}
    assert jobs.uploaded.count(b'"temperature": 0.8') == 4
    assert "1 of 4" in ended.out
    assert "1 passed, 2 failed, 1 out_of_fuel" in ended.out
    assert "pass@1: 0.250" in ended.out
    assert "pass@2: 0.500" in ended.out
    report = json.loads((into / "report.json").read_text())
    assert (report["samples"], report["verdicts"]["failed"]) == (4, 2)
    assert (into / "results.jsonl").exists()


def test_should_print_the_report_as_json(call: Call, jobs: FakeJobs, mine: str) -> None:
    answers(jobs, "passed")
    ended = call("evaluate", "code", "--model", "m", "--problems", mine, "--json")
    (rate,) = ended.json["pass_at"]
    assert (rate["k"], rate["problems"], rate["value"], rate["high"]) == (1, 1, 1.0, 1.0)
    assert b'"temperature": 0.0' in jobs.uploaded


def test_should_ask_the_twelve_unless_told_otherwise(call: Call, jobs: FakeJobs) -> None:
    answers(jobs, "passed")
    call("evaluate", "code", "--model", "m", "--style", "completion")
    assert jobs.uploaded.count(b'"entry_point"') == 12
    assert jobs.uploaded.count(b'"stop"') == 12


def test_should_tell_what_is_missing_and_how_to_get_it(
    call: Call, jobs: FakeJobs, mine: str
) -> None:
    jobs.ends = ["running", "partial"]
    answers(jobs, "passed", "not_run", errors=1)
    ended = call("evaluate", "code", "--model", "m", "--problems", mine, "--samples", "3")
    assert ended.code == 1
    assert "1 of 3 answers could not be had" in ended.out
    assert "The code of 1 of 3 answers could not be run" in ended.out
    assert "headrace jobs JOB0 --retry" in ended.out
    assert "pass@1: 1.000" in ended.out
    again = call("evaluate", "code", "--job", "JOB0")
    assert (again.code, "pass@1: 1.000" in again.out) == (1, True)


@pytest.mark.parametrize(("budget", "code"), [("0.6", 0), ("0.4", 2)])
def test_should_not_begin_what_may_cost_more_than_the_budget(
    call: Call, jobs: FakeJobs, mine: str, budget: str, code: int
) -> None:
    jobs.ends = ["paused", "succeeded"]
    answers(jobs, "passed", "passed")
    options = ["--problems", mine, "--samples", "2", "--budget", budget]
    ended = call("evaluate", "code", "--model", "m", *options)
    assert ended.code == code, ended.err
    assert begun(jobs)["confirm"] is True
    methods = [(method, path) for method, path, _ in jobs.asked]
    assert (("DELETE", "/v1/jobs/JOB0") in methods) == (code == 2)
    if code:
        assert "may cost $0.5, which is more than --budget $0.4" in ended.err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "--model names the model"),
        (["--model", "m", "--k", "2"], "pass@2 needs as many samples"),
        (["--model", "m", "--k", "a"], "--k is numbers"),
        (["--model", "m", "--problems", "nowhere.jsonl"], "nowhere.jsonl cannot be read"),
        (["--model", "m", "--budget", "much"], "--budget is an amount of dollars"),
        (["--model", "m", "--budget", "0"], "--budget is an amount of dollars"),
    ],
)
def test_should_say_what_is_wrong_before_anything_is_asked(
    call: Call, jobs: FakeJobs, options: list[str], message: str
) -> None:
    ended = call("evaluate", "code", *options)
    assert (ended.code, jobs.asked) == (2, [])
    assert message in ended.err


def test_should_name_the_line_of_a_file_that_is_no_problem(
    call: Call, jobs: FakeJobs, tmp_path: Path
) -> None:
    file = tmp_path / "bad.jsonl"
    file.write_text('{"task_id": "a"}\n')
    ended = call("evaluate", "code", "--model", "m", "--problems", str(file))
    assert (ended.code, jobs.asked) == (2, [])
    assert "bad.jsonl, line 1: prompt: Field required" in ended.err


def test_should_refuse_a_job_that_ran_no_code(call: Call, jobs: FakeJobs) -> None:
    jobs.begin("batch", job_id="JOB0", model="m", notes=[])
    jobs.files = {"results.jsonl": b'{"id": "a", "generation": {}}\n'}
    jobs.ends = ["succeeded"]
    ended = call("evaluate", "code", "--job", "JOB0")
    assert ended.code == 2
    assert "JOB0 is no evaluation of code: a has no verdict" in ended.err
    assert UPLOADS not in [path for _, path, _ in jobs.asked]
    jobs.begin("evaluation", model="m", notes=[])
    ended = call("evaluate", "code", "--job", "JOB1")
    assert (ended.code, "JOB1 is no evaluation of code: its kind" in ended.err) == (2, True)


@pytest.mark.parametrize(
    "arguments", [["suite", "nowhere.yaml"], ["nowhere.yaml"], ["--yes", "nowhere.yaml"]]
)
def test_should_take_anything_else_for_a_suite(call: Call, arguments: list[str]) -> None:
    ended = call("evaluate", *arguments)
    assert ended.code == 2
    assert "File 'nowhere.yaml' does not exist" in ended.err
