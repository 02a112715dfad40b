"""The optimiser on three tasks: `python -m benchmarks prompt_optimiser`.

As a user runs it, on a local cloud whose models SmolLM2 stands in for. Each search begins at the
plain prompt of its task in `suites/prompt-techniques`, as somebody wrote it by hand; half of the 60
cases are held out, by hash. `python -m benchmarks.techniques.optimising FOLDER` does it on the
cloud that runs already, and keeps answers and reports in FOLDER, so that it can go on.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.reporting import Result, save
from benchmarks.running_cloud import running_cloud
from benchmarks.techniques.build import SUITES
from chalicelib.contracts.evaluations.suites import InlinePromptTarget
from chalicelib.evaluation.suites import read_suite
from cli.main import run
from cli.prompts.files import read_yaml, written

TASKS = ("classification", "listing", "extraction")
PROPOSALS, SEED, BUDGET = 4, 20261130, "0.02"
_TIMEOUT_S = "120"


def measure(repetitions: int = 1) -> Result:
    """Search once for each task, on a cloud of its own."""
    with running_cloud() as caller, tempfile.TemporaryDirectory() as folder:
        cloud = caller.cloud
        return searched(Path(folder), "--endpoint", cloud.endpoint_url, "--key", cloud.api_key)


def searched(folder: Path, *connection: str) -> Result:
    """Search once for each task, and return the reports."""
    tasks = {task: optimised(task, folder, connection) for task in TASKS}
    return Result("prompt_optimiser", 1, {}, facts={"tasks": tasks})


def optimised(task: str, folder: Path, connection: Sequence[str]) -> dict[str, Any]:
    """Return the report of the search for one task."""
    suite = read_suite(read_yaml(SUITES / f"{task}.yaml"))
    plain = suite.targets[0]
    assert isinstance(plain, InlinePromptTarget), "the suites hold their prompts"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{task}.yaml"
    file.write_text(written(task, plain.content.model_dump(mode="json")), encoding="utf-8")
    _run("prompts", "save", str(file), *connection)
    out = folder / task
    _run(
        *("prompts", "optimise", task, "--version", "1", "--suite", f"{SUITES / task}.yaml"),
        *("--proposals", str(PROPOSALS), "--seed", str(SEED), "--budget", BUDGET),
        *("--out", str(out), "--timeout", _TIMEOUT_S, *connection),
    )
    report: dict[str, Any] = json.loads((out / "report.json").read_text(encoding="utf-8"))
    report["cases"] = {name: len(ids) for name, ids in report["cases"].items()}
    return report


def _run(*arguments: str) -> None:
    if code := run(arguments):
        raise RuntimeError(f"headrace {' '.join(arguments)} ended with {code}")


if __name__ == "__main__":
    print(save(searched(Path(sys.argv[1]))))
