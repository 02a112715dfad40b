"""Techniques of prompting beside plain prompts: `python -m benchmarks prompt_techniques`.

The suites of `suites/prompt-techniques`, by SmolLM2 as the project pulls it, in llama.cpp on one
thread, at temperature 0. Another model's figures are added to the same file:
`python -m benchmarks.techniques.measuring --gguf FILE --name NAME`, or `--openai URL --model ID`
for any server of OpenAI's API, a stage's own `/v1` among them (its key in HEADRACE_API_KEY).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.reporting import RESULTS, Result, save
from benchmarks.techniques.answerer import ChatServer, PromptAnswerer
from benchmarks.techniques.build import SUITES
from benchmarks.techniques.prompts import PLAIN
from chalicelib.contracts.evaluations.results import EvaluationResult, ScoreInterval
from chalicelib.contracts.evaluations.suites import Suite
from chalicelib.evaluation.runner import CaseRunner, MemoryCache
from chalicelib.evaluation.suites import read_suite, suite_digest
from chalicelib.evaluation.summary import summarize
from cli.prompts.files import read_yaml

ROOT = Path(__file__).parents[2]
MODEL = "smollm2-135m-instruct-q4_1"
GGUF = ROOT / "models" / "cache" / MODEL / "SmolLM2-135M-Instruct.Q4_1.gguf"
NAME = "prompt_techniques"
CASES = 30
"""Of each suite: its first ones."""
_AT_ONCE = 4
_NO_SERVICES: Any = None
"""The graders of these suites ask nobody."""


def measure(repetitions: int = 1) -> Result:
    """Answer all suites once: at temperature 0 a repetition says the same."""
    return Result(NAME, 1, {}, facts=_with_model(MODEL, measured_by_file(GGUF, MODEL, CASES)))


def measured_by_file(file: Path, name: str, cases: int, only: Sequence[str] = ()) -> dict[str, Any]:
    """Return the figures of a GGUF file."""
    with served(file) as address:
        return figures(ChatServer(address, name), cases, only)


def figures(server: ChatServer, cases: int, only: Sequence[str] = ()) -> dict[str, Any]:
    """Return the figures of a model in the suites, or in those of the tasks `only`."""
    tasks = {}
    for file in sorted(SUITES.glob("*.yaml")):
        if only and file.stem not in only:
            continue
        suite = read_suite(read_yaml(file))
        shortened = suite.model_copy(update={"cases": suite.cases[:cases]})
        began, asked = time.monotonic(), server.asked
        result = run(shortened, server)
        tasks[file.stem] = {
            "suite_sha256": suite_digest(suite),
            "cases": len(shortened.cases),
            "calls": server.asked - asked,
            "seconds": round(time.monotonic() - began, 1),
            "techniques": _techniques(result),
        }
        print(file.stem, json.dumps(tasks[file.stem]), file=sys.stderr, flush=True)
    return {"tokens_in": server.tokens_in, "tokens_out": server.tokens_out, "tasks": tasks}


def run(suite: Suite, server: ChatServer) -> EvaluationResult:
    """Return the result of a suite, some cases at a time."""
    runner = CaseRunner(suite, PromptAnswerer(server), _NO_SERVICES, MemoryCache())
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        cases = list(pool.map(lambda case: runner.run(case, 0), suite.cases))
    return summarize(suite, cases, evaluation_id=suite.name, created_at=datetime.now(UTC))


def _techniques(result: EvaluationResult) -> dict[str, Any]:
    beside = {each.target: each for each in result.comparisons}
    found: dict[str, Any] = {}
    for target in result.targets:
        row: dict[str, Any] = {
            "score": _interval(target.score),
            "passed": round(target.pass_rate, 4),
            "failed": target.failed,
            "not_run": target.not_run,
            "graders": {each.grader: round(each.pass_rate, 4) for each in target.graders},
        }
        if target.target in beside:
            compared = beside[target.target]
            row["beside_plain"] = {
                **_interval(compared.difference),
                "better": compared.better,
                "same": compared.same,
                "worse": compared.worse,
            }
        found[target.target] = row
    assert next(iter(found)) == PLAIN, "the plain prompt comes first"
    return found


def _interval(interval: ScoreInterval) -> dict[str, Any]:
    bounds = [None if each is None else round(each, 4) for each in (interval.low, interval.high)]
    return {"mean": round(interval.mean, 4), "interval": bounds, "n": interval.n}


@contextmanager
def served(file: Path) -> Iterator[str]:
    """Serve a GGUF file; yield its address."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.techniques.llama", str(file)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=ROOT,
    )
    try:
        assert process.stdout is not None, "it is piped"
        address = process.stdout.readline().strip()
        if not address:
            raise RuntimeError(f"llama.cpp does not serve {file}.")
        yield address
    finally:
        process.kill()
        process.wait()


def _with_model(name: str, found: Mapping[str, Any]) -> dict[str, Any]:
    """Return the newest facts with the figures of one model in place of those it had."""
    files = sorted(RESULTS.glob(f"*-{NAME}.json"))
    before = json.loads(files[-1].read_text())["facts"] if files else {}
    return {**before, name: dict(found)}


def main() -> None:
    """Add the figures of one model to the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gguf", type=Path, help="a file that llama.cpp reads")
    parser.add_argument("--openai", metavar="URL", help="a server of OpenAI's API, up to /v1")
    parser.add_argument("--model", default="auto", help="its model's id")
    parser.add_argument("--name", help="what the results call the model")
    parser.add_argument("--cases", type=int, default=CASES)
    parser.add_argument("--task", action="append", default=[], help="only this one; repeatable")
    chosen = parser.parse_args()
    if bool(chosen.gguf) == bool(chosen.openai):
        parser.error("give --gguf or --openai")
    if chosen.gguf:
        name = chosen.name or chosen.gguf.stem
        found = measured_by_file(chosen.gguf, name, chosen.cases, chosen.task)
    else:
        name = chosen.name or chosen.model
        server = ChatServer(chosen.openai, chosen.model, os.environ.get("HEADRACE_API_KEY", ""))
        found = figures(server, chosen.cases, chosen.task)
    print(save(Result(NAME, 1, {}, facts=_with_model(name, found))))


if __name__ == "__main__":
    main()
