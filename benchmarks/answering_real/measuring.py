"""Asking every question of the sets, and what came of each."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.answering_real.figures import figures_by_kind
from benchmarks.answering_real.judging import JudgedQuestion, judge_question
from benchmarks.answering_real.peers import ask_llama_index
from benchmarks.reporting import Result, Spread, spread
from chalicelib.contracts.functions.check_support import CheckResult
from chalicelib.contracts.receipts import Receipt
from chalicelib.retrieval.answer.pipeline import QuestionAnswerer
from chalicelib.retrieval.search.query import Query
from chalicelib.screening.injections import InjectionScreen
from models.pull.cache import CACHE
from models.real_files.collection import TENANT, RealCollection, open_collection
from models.real_files.packages import contents
from models.real_files.questions import TRAINING, load_files

HELD_OUT = Path(__file__).with_name("held_out.jsonl")
SETS: Mapping[str, Path] = {"training": TRAINING, "held out": HELD_OUT}
NOTES = (
    "Tier 0 alone. Intervals are 95 %, by Wilson.",
    "The order was learned on the training set, whose figures say nothing of other files.",
    "Nothing was chosen on the held-out set: its packages and kinds of files are others.",
)
_FOUND = 10


class NoPrices:
    """Prices nothing: what an answer costs is not measured here."""

    def answer(self, question: str, passages: object, used: object) -> Receipt:
        """Return an empty receipt."""
        return Receipt.of(())


class NoChecker:
    """The support check of tier 1, which takes no part."""

    def check(self, *_: object, **__: object) -> CheckResult:
        """Raise AssertionError."""
        raise AssertionError("tier 0 checks nothing")


@dataclass(frozen=True, slots=True)
class AskedSet:
    """The judged questions of a set, the CPU milliseconds of each, and the files not read.

    `llama_index` are LlamaIndex's figures for the same questions, none if it was not asked.
    """

    cases: Sequence[JudgedQuestion]
    milliseconds: Sequence[float]
    rejected: Mapping[str, str]
    llama_index: Mapping[str, Any]


def ask_set(
    name: str, path: Path, models: Path = CACHE, *, peers: bool = False, python: Path | None = None
) -> AskedSet:
    """Put all files of a set into one collection, ask all questions, and judge what comes.

    With `peers` LlamaIndex is asked, too, by the environment of `python` or by its own.
    """
    files = load_files(path)
    with open_collection(f"real-{name.replace(' ', '-')}", contents(files), models) as collection:
        answerer = _answerer(collection)
        cases, took = [], []
        for file in files:
            for question in file.questions:
                query = Query(TENANT, question.text, None, _FOUND, "")
                began = time.process_time()
                response = answerer.answer(query, "extractive")
                took.append(1000 * (time.process_time() - began))
                found = collection.searcher.search(query).passages
                cases.append(judge_question(file, question, response, found, collection.pages))
        theirs = ask_llama_index(files, collection.pages, models, python) if peers else {}
    return AskedSet(cases, took, collection.rejected, theirs)


def _answerer(collection: RealCollection) -> QuestionAnswerer:
    return QuestionAnswerer(
        searcher=collection.searcher,
        comparer=collection.embedder,
        writer=None,
        prices=NoPrices(),
        checker=NoChecker(),
        screen=InjectionScreen(),
    )


def measure(repetitions: int = 1) -> Result:
    """Ask every question once: the outcomes do not vary."""
    facts: dict[str, Any] = {}
    measured: dict[str, Spread] = {}
    for name, path in SETS.items():
        asked = ask_set(name, path, peers=True)
        facts[name] = figures_by_kind(asked.cases) | {
            "files that were not read": dict(asked.rejected),
            "LlamaIndex": dict(asked.llama_index),
        }
        measured[f"an answer, {name}, CPU"] = spread(asked.milliseconds, "ms")
    return Result("answering_real", 1, measured, facts=facts, notes=NOTES)


def main() -> None:
    """Print every question of the training set with what came of it, as lines of JSON."""
    argparse.ArgumentParser(description=main.__doc__).parse_args()
    for case in ask_set("training", TRAINING).cases:
        line = {
            "id": case.question.id,
            "kind": case.kind,
            "question": case.question.text,
            "answers": case.question.answers,
            "outcome": case.outcome,
            "ending": case.ending,
            "rank": case.rank,
            "shown": case.shown,
        }
        print(json.dumps(line, ensure_ascii=False))


if __name__ == "__main__":
    main()
