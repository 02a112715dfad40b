"""How often follow-up questions are answered rightly: `python -m benchmarks.followups`.

The labelled conversations of `tests/data/followups.json` over `samples/`, with pages about other
things beside them, answered by tier 0 in this process as `benchmarks.answering` does: once with
the question as it was put, and once as the rules resolve it. No language model takes part.
Questions that stand alone are the control: the history must not change what they get.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.answering import ROOT, LocalEmbedder, finder_over
from chalicelib.contracts import Turn
from chalicelib.retrieval import answering
from chalicelib.retrieval.finding import Finder, Query
from chalicelib.retrieval.followup import stand_alone
from chalicelib.retrieval.replying import replying

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


def measure(models: Path) -> list[Ended]:
    """Answer every labelled question both ways."""
    finder, local = finder_over(models, *(ROOT / folder for folder in FOLDERS))

    def ended(case: dict[str, Any]) -> Ended:
        question = case["question"]
        history = [Turn.model_validate(turn) for turn in case["history"]]
        asked_as = stand_alone(question, history).text
        without = _end(finder, local, case, question)
        resolved = without if asked_as == question else _end(finder, local, case, asked_as)
        return Ended(case["kind"], question, asked_as, without, resolved)

    return [ended(case) for case in json.loads(LABELLED.read_text(encoding="utf-8"))["cases"]]


def _end(finder: Finder, embedder: LocalEmbedder, case: dict[str, Any], asked_as: str) -> str:
    found = finder.find(Query("tenant", asked_as, None, 10, ""))
    sources = answering.candidates(asked_as, found.passages)
    texts = [answering.in_context(source) for source in sources]
    *vectors, own = embedder.embed([*texts, case["question"]], "").vectors
    put = None if asked_as == case["question"] else answering.AsPut(case["question"], own)
    evidence = answering.weigh(asked_as, found.vector, sources, vectors, put)
    claims = answering.extract(replying(asked_as, evidence))
    if not claims:
        return "refused"
    right = any(
        source.passage.path == case["path"] and case["quotes"] in " ".join(source.text.split())
        for _, source in claims
    )
    return "right" if right else "wrong"


def counted(cases: Sequence[Ended]) -> dict[str, Any]:
    """Return how the cases of each kind end, without and with the rules."""
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
    """Print the result as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, default=ROOT / "models" / "cache")
    parser.add_argument("--list", action="store_true", help="print every question with its end")
    arguments = parser.parse_args()
    cases = measure(arguments.models)
    if arguments.list:
        for case in cases:
            print(f"{case.without:8}{case.resolved:8} {case.question} => {case.asked_as}")
    json.dump(counted(cases), sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main()
