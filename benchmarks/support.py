"""Accuracy of the support check on labelled claims: `python -m benchmarks support`.

The pairs of `tests/data/support_pairs.json` were written for this. Those of the development half
tuned the check, the others are held out. The older check judges the same pairs. `python -m
benchmarks.support` lists the pairs for tuning.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.older_check import supports
from benchmarks.reporting import Result, spread
from benchmarks.shares import share
from chalicelib.contracts.functions.check_support import CheckRequest, CheckSource, ClaimVerdict
from chalicelib.inference.embedder import Embedder
from chalicelib.inference.word_vectors import WordEmbedder
from functions.check_support.core import Deps, run

ROOT = Path(__file__).parent.parent
MODELS = ROOT / "models" / "cache"
PAIRS = ROOT / "tests" / "data" / "support_pairs.json"
MORE_PAIRS = PAIRS.with_name("support_development.json")
"""Further pairs that tuned the check and are not measured."""
DEVELOPMENT = (1, 2)
"""Remainders of a passage's number by four; a passage is wholly in one half."""
RESAMPLES = 2000
SOURCES = 8


@dataclass(frozen=True)
class Pair:
    """A claim, a passage, and whether the passage supports the claim."""

    claim: str
    passage: str
    supported: bool
    category: str
    held_out: bool


@dataclass(frozen=True)
class Case:
    """A pair and whether a check accepted the claim."""

    pair: Pair
    passed: bool

    @property
    def right(self) -> bool:
        """Return whether the check agrees with the label."""
        return self.passed is self.pair.supported


Check = Callable[[Pair], bool]


def pairs_of(path: Path = PAIRS) -> list[Pair]:
    """Return the labelled pairs."""
    return [
        Pair(
            claim=pair["claim"],
            passage=passage["text"],
            supported=pair["supported"],
            category=pair["category"],
            held_out=passage["n"] % 4 not in DEVELOPMENT,
        )
        for passage in json.loads(path.read_text(encoding="utf-8"))["passages"]
        for pair in passage["pairs"]
    ]


def f1(found: int, wrongly: int, missed: int) -> float:
    """Return the harmonic mean of precision and recall, or 0 if nothing was found."""
    return 2 * found / (2 * found + wrongly + missed) if found else 0.0


def overall(cases: Sequence[Case]) -> dict[str, Any]:
    """Return precision, recall and F1 of accepting supported claims, with 95 % intervals."""
    found, wrongly, missed = _counts(cases)
    draw = random.Random(2026)  # noqa: S311 - resampling, no secret
    scores = sorted(f1(*_counts(draw.choices(cases, k=len(cases)))) for _ in range(RESAMPLES))
    return {
        "pairs": len(cases),
        "let through rightly": found,
        "let through wrongly": wrongly,
        "refused wrongly": missed,
        "precision": share(found, found + wrongly),
        "recall": share(found, found + missed),
        "f1": {
            "value": round(f1(found, wrongly, missed), 3),
            "interval": [round(scores[int(RESAMPLES * at)], 3) for at in (0.025, 0.975)],
        },
    }


def _counts(cases: Sequence[Case]) -> tuple[int, int, int]:
    found = sum(case.passed and case.pair.supported for case in cases)
    wrongly = sum(case.passed and not case.pair.supported for case in cases)
    missed = sum(not case.passed and case.pair.supported for case in cases)
    return found, wrongly, missed


def by_category(cases: Sequence[Case]) -> dict[str, dict[str, Any]]:
    """Return the results of each category.

    For a kind of supported claim, recall is the share that is accepted. For a kind of error it is
    the share that is caught; its precision compares those with the supported claims refused.
    """
    refused = sum(not case.passed and case.pair.supported for case in cases)
    told: dict[str, dict[str, Any]] = {}
    for category in dict.fromkeys(case.pair.category for case in cases):
        mine = [case for case in cases if case.pair.category == category]
        right = sum(case.right for case in mine)
        told[category] = {"pairs": len(mine), "recall": share(right, len(mine))}
        if not mine[0].pair.supported:
            told[category]["precision"] = share(right, right + refused)
            told[category]["f1"] = round(f1(right, refused, len(mine) - right), 3)
    return told


def verdict_of(pair: Pair, deps: Deps) -> ClaimVerdict:
    """Return the function's verdict on a pair."""
    source = CheckSource(id=0, text=pair.passage)
    return run(CheckRequest(claims=(pair.claim,), sources=(source,)), deps).verdicts[0]


def seconds_of_a_check(pairs: Sequence[Pair], deps: Deps, repetitions: int) -> list[float]:
    """Return the duration of checks of three claims by eight sources, warm."""
    passages = list(dict.fromkeys(pair.passage for pair in pairs))
    sources = tuple(CheckSource(id=at, text=text) for at, text in enumerate(passages[:SOURCES]))
    known = {source.text for source in sources}
    claims = [pair.claim for pair in pairs if pair.passage in known]
    requests = [
        CheckRequest(claims=tuple(claims[at % len(claims) :][:3]), sources=sources)
        for at in range(repetitions)
    ]
    run(requests[0], deps)
    return [run(request, deps).seconds for request in requests]


def judged(pairs: Sequence[Pair], check: Check) -> dict[str, Any]:
    """Return the scores of `check` on the held-out half, on all pairs and by category."""
    cases = [Case(pair, check(pair)) for pair in pairs]
    held_out = [case for case in cases if case.pair.held_out]
    return {
        "held out": overall(held_out),
        "all": overall(cases),
        "held out, by category": by_category(held_out),
        "all, by category": by_category(cases),
    }


def measure(repetitions: int = 20, models: Path = MODELS) -> Result:
    """Judge every pair by both checks, and time a check `repetitions` times."""
    pairs = pairs_of()
    deps = Deps(WordEmbedder.open(models), time.perf_counter)
    embedder = Embedder.open(models)
    taken = [1000 * seconds for seconds in seconds_of_a_check(pairs, deps, repetitions)]
    return Result(
        name="support",
        repetitions=repetitions,
        measured={"3 claims by 8 sources, warm": spread(taken, "ms")},
        facts={
            "check_support": judged(pairs, lambda pair: verdict_of(pair, deps).supported),
            "older check": judged(pairs, lambda pair: supports(pair.claim, pair.passage, embedder)),
            "tuned on": overall(
                [Case(pair, verdict_of(pair, deps).supported) for pair in tuning_pairs()]
            ),
        },
        notes=(
            "Precision, recall and F1 are those of letting held-up claims through.",
            "Intervals are 95 %: Wilson for shares, bootstrap over pairs for F1.",
        ),
    )


def tuning_pairs() -> list[Pair]:
    """Return the pairs that tuned the check."""
    return [pair for pair in pairs_of() if not pair.held_out] + pairs_of(MORE_PAIRS)


def main() -> None:
    """Print the tuning pairs that the check gets wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, default=MODELS)
    arguments = parser.parse_args()
    deps = Deps(WordEmbedder.open(arguments.models), time.perf_counter)
    for pair in tuning_pairs():
        verdict = verdict_of(pair, deps)
        if verdict.supported is not pair.supported:
            reasons = ", ".join(verdict.reasons) or "let through"
            print(f"{pair.category}: {pair.claim} ({verdict.score:.2f}, {reasons})")
            print(f"    {pair.passage}")


if __name__ == "__main__":
    main()
