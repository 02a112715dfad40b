"""Share of follow-up questions answered rightly: `python -m benchmarks followups`.

The labelled conversations of `tests/data/followups.json` over `samples/`, with pages about other
things beside them, answered by tier 0 in this process as `benchmarks.answering` does: once with
the question as it was put, and once as the rules resolve it. No language model takes part.
Questions that stand alone are the control: the history must not change what they get. `python -m
benchmarks.followups` lists them.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.answering import ROOT, LocalEmbedder, finder_over, weigh_passages
from benchmarks.reporting import Result
from chalicelib.contracts.answers import ConversationTurn
from chalicelib.retrieval.answer.outcome import decide_outcome
from chalicelib.retrieval.answer.question_rewriter import rewrite_question
from chalicelib.retrieval.search.query import Query
from chalicelib.retrieval.search.searcher import Searcher

MODELS = ROOT / "models" / "cache"
FOLDERS = ("samples", "tests/data/project")
LABELLED = ROOT / "tests" / "data" / "followups.json"


@dataclass(frozen=True)
class Ended:
    """One conversation, and whether it ended rightly without and with the rules."""

    kind: str
    question: str
    asked_as: str
    without: str
    resolved: str


def measure(repetitions: int = 1, models: Path = MODELS) -> Result:
    """Answer every labelled question in both ways once: the results do not vary."""
    return Result("followups", 1, {}, facts=counted(ended(models)))


def ended(models: Path) -> list[Ended]:
    """Answer every labelled question in both ways."""
    searcher, local = finder_over(models, *(ROOT / folder for folder in FOLDERS))

    def one(case: dict[str, Any]) -> Ended:
        question = case["question"]
        history = [ConversationTurn.model_validate(turn) for turn in case["history"]]
        asked_as = rewrite_question(question, history).text
        without = _end(searcher, local, case, question)
        resolved = without if asked_as == question else _end(searcher, local, case, asked_as)
        return Ended(case["kind"], question, asked_as, without, resolved)

    return [one(case) for case in json.loads(LABELLED.read_text(encoding="utf-8"))["cases"]]


def _end(searcher: Searcher, embedder: LocalEmbedder, case: dict[str, Any], asked_as: str) -> str:
    results = searcher.search(Query("tenant", asked_as, None, 10, ""))
    put = "" if asked_as == case["question"] else case["question"]
    weighed = weigh_passages(embedder, asked_as, results.passages, put)
    claims = decide_outcome(asked_as, weighed).claims
    if not claims:
        return "refused"
    right = any(
        source.passage.path == case["path"] and case["quotes"] in " ".join(source.text.split())
        for _, source in claims
    )
    return "right" if right else "wrong"


def counted(cases: Sequence[Ended]) -> dict[str, Any]:
    """Return the results of the cases of each kind, without and with the rules."""
    kinds = dict.fromkeys(case.kind for case in cases)
    return {kind: _counts([case for case in cases if case.kind == kind]) for kind in kinds}


def _counts(cases: Sequence[Ended]) -> dict[str, Any]:
    ends = ("right", "wrong", "refused")
    return {
        "cases": len(cases),
        "as they were put": {end: sum(case.without == end for case in cases) for end in ends},
        "as the rules resolve them": {
            end: sum(case.resolved == end for case in cases) for end in ends
        },
    }


def main() -> None:
    """Print every question with its results and its resolved form."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, default=MODELS)
    for case in ended(parser.parse_args().models):
        print(f"{case.without:8}{case.resolved:8} {case.question} => {case.asked_as}")


if __name__ == "__main__":
    main()
