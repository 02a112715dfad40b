"""The optimiser on three tasks: `python -m benchmarks prompt_optimiser`.

The suites of `suites/prompt-techniques`, by SmolLM2 in llama.cpp at temperature 0. Each search
begins at the plain prompt of its task, as somebody wrote it by hand. Half of the 60 cases are held
out, by hash.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from benchmarks.reporting import Result
from benchmarks.techniques.answerer import ChatServer, PromptAnswerer
from benchmarks.techniques.build import SUITES
from benchmarks.techniques.measuring import GGUF, MODEL, served
from chalicelib.contracts.evaluations.suites import InlinePromptTarget
from chalicelib.evaluation.runner import MemoryCache
from chalicelib.evaluation.suites import read_suite
from cli.prompts.files import read_yaml
from cli.prompts.optimiser.optimisation import PromptOptimisation, SearchSettings
from cli.prompts.optimiser.report import report_of
from cli.prompts.optimiser.scoring import ProposalScorer

TASKS = ("classification", "listing", "extraction")
SETTINGS = SearchSettings(proposals=6, seed=20261130)
_NO_SERVICES: Any = None


@dataclass(slots=True)
class NoBudget:
    """No limit in dollars: nothing is billed here."""

    left: Decimal | None = None


def measure(repetitions: int = 1) -> Result:
    """Search once for each task: the same seed and temperature 0 find the same."""
    with served(GGUF) as address:
        found = {task: optimised(task, ChatServer(address, MODEL)) for task in TASKS}
    return Result("prompt_optimiser", 1, {}, facts={"model": MODEL, "tasks": found})


def optimised(task: str, server: ChatServer) -> dict[str, Any]:
    """Return the report of the search for one task."""
    suite = read_suite(read_yaml(SUITES / f"{task}.yaml"))
    plain = suite.targets[0]
    assert isinstance(plain, InlinePromptTarget), "the suites hold their prompts"
    scorer = ProposalScorer(suite, PromptAnswerer(server), _NO_SERVICES, MemoryCache())
    work = PromptOptimisation(suite, plain.content, SETTINGS, scorer, NoBudget())
    prepared = work.prepare()
    result = work.run(prepared)
    report = report_of(task, 1, work, prepared, result)
    report["cases"] = {name: len(ids) for name, ids in report["cases"].items()}
    print(task, json.dumps(report), file=sys.stderr, flush=True)
    return report
