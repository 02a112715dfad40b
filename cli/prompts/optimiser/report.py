"""The folder of an optimisation: its report as JSON, its winner as a prompt file, its answers."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from chalicelib.evaluation.suites import suite_digest
from cli.output import Json
from cli.prompts.files import written
from cli.prompts.optimiser.optimisation import (
    OptimisationResult,
    PreparedSearch,
    PromptOptimisation,
)
from cli.prompts.optimiser.plan import SearchPlan
from cli.prompts.optimiser.rounds import Standing
from cli.prompts.optimiser.scoring import SearchSpending, proposal_digest

REPORT, WINNER, ANSWERS = "report.json", "winner.yaml", "answers"


@dataclass(frozen=True, slots=True)
class AnswerFolder:
    """A cache of answers in a folder, so that nothing is paid for twice."""

    folder: Path

    def get(self, key: str) -> str | None:
        """Return what is kept under a key, or None."""
        try:
            return (self.folder / f"{key}.json").read_text(encoding="utf-8")
        except FileNotFoundError:
            return None

    def put(self, key: str, body: str) -> None:
        """Keep `body` under a key."""
        self.folder.mkdir(parents=True, exist_ok=True)
        draft = self.folder / f"{key}.part"
        draft.write_text(body, encoding="utf-8")
        draft.replace(self.folder / f"{key}.json")


def endpoint_folder(endpoint: str) -> str:
    """Return the name of the folder of one stage's answers.

    Small models that stand in on a laptop answer under the names of the catalogue's.
    """
    return hashlib.sha256(endpoint.encode()).hexdigest()[:16]


def write_winner(folder: Path, name: str, result: OptimisationResult) -> Path:
    """Write the winner as a file that `headrace prompts save` takes; return the file."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / WINNER
    content = result.search.winner.content.model_dump(mode="json")
    file.write_text(written(name, content), encoding="utf-8")
    return file


def write_report(folder: Path, report: Json) -> Path:
    """Write the report; return the file."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / REPORT
    file.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return file


def report_of(
    name: str,
    version: int,
    optimisation: PromptOptimisation,
    prepared: PreparedSearch,
    result: OptimisationResult,
) -> Json:
    """Return the report of a search: what was planned, spent, tried and found."""
    settings, split = optimisation.settings, prepared.split
    compared = result.compared
    return {
        "prompt": name,
        "version": version,
        "suite": optimisation.suite.name,
        "suite_sha256": suite_digest(optimisation.suite),
        "method": settings.method,
        "seed": settings.seed,
        "budget": None if settings.budget is None else format(settings.budget, "f"),
        "cases": {
            "examples": [case.id for case in split.examples],
            "selection": [case.id for case in split.selection],
            "held_out": [case.id for case in split.held_out],
        },
        "planned": plan_json(prepared.plan),
        "spent": spending_json(optimisation.calls.spending),
        "proposals": [_standing(each) for each in result.search.standings],
        "winner": result.search.winner.name,
        "held_out": None if compared is None else compared.model_dump(mode="json"),
        "beats": result.beats,
        "verdict": result.verdict(),
        "ended_early": result.ended,
    }


def plan_json(plan: SearchPlan) -> Json:
    """Return a plan as the report holds it."""
    return {
        "proposals": plan.proposals,
        "answers": plan.answers,
        "reflections": plan.reflections,
        "dollars": format(plan.dollars, "f"),
        "least_dollars": format(plan.least, "f"),
    }


def spending_json(spending: SearchSpending) -> Json:
    """Return what was spent as the report holds it."""
    return {
        "calls": spending.calls,
        "tokens_in": spending.tokens_in,
        "tokens_out": spending.tokens_out,
        "dollars": format(spending.dollars, "f"),
    }


def _standing(standing: Standing) -> Json:
    return {
        "name": standing.proposal.name,
        "sha256": proposal_digest(standing.proposal),
        "round": standing.round,
        "cases": len(standing.scores),
        "score": round(standing.mean, 6),
    }
