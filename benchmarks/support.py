"""Accuracy of the support check on labelled claims: `python -m benchmarks support`.

The pairs of `tests/data/support_pairs.json` were written for this. The check's head was learned on
those of the development half, the others are held out. Beside it stands its model alone, without
the rule on figures and names. `python -m benchmarks.support` lists the pairs for tuning that it
gets wrong.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.reporting import Result, spread
from benchmarks.shares import share
from chalicelib.contracts.functions.check_support import CheckRequest, CheckSource, ClaimVerdict
from chalicelib.inference.pair_encoder import DIMENSIONS, PairEncoder
from chalicelib.retrieval.answer.support.head import parse_support_head
from chalicelib.retrieval.answer.support.verdict import weigh_odds
from functions.check_support.core import Deps, run
from functions.check_support.handler import HEAD
from models.support_head import read_example
from models.support_pairs import LabelledClaim, labelled_claims, tuning_claims

ROOT = Path(__file__).parent.parent
MODELS = ROOT / "models" / "cache"
RESAMPLES = 2000
SOURCES = 8


@dataclass(frozen=True)
class Case:
    """A pair and whether a check accepted the claim."""

    pair: LabelledClaim
    passed: bool

    @property
    def right(self) -> bool:
        """Return whether the check agrees with the label."""
        return self.passed is self.pair.supported


Check = Callable[[LabelledClaim], bool]


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


def verdict_of(pair: LabelledClaim, deps: Deps) -> ClaimVerdict:
    """Return the function's verdict on a pair."""
    source = CheckSource(id=0, text=pair.passage)
    return run(CheckRequest(claims=(pair.claim,), sources=(source,)), deps).verdicts[0]


def seconds_of_a_check(pairs: Sequence[LabelledClaim], deps: Deps, repetitions: int) -> list[float]:
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


def judged(pairs: Sequence[LabelledClaim], check: Check) -> dict[str, Any]:
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
    """Judge every pair, also by the model alone, and time a check `repetitions` times."""
    pairs = labelled_claims()
    deps = open_check(models)
    taken = [1000 * seconds for seconds in seconds_of_a_check(pairs, deps, repetitions)]
    return Result(
        name="support",
        repetitions=repetitions,
        measured={"3 claims by 8 sources, warm": spread(taken, "ms")},
        facts={
            "check_support": judged(pairs, lambda pair: verdict_of(pair, deps).supported),
            "model alone": judged(pairs, lambda pair: is_entailed(pair, deps)),
            "tuned on": overall(
                [Case(pair, verdict_of(pair, deps).supported) for pair in tuning_claims()]
            ),
        },
        notes=(
            "Precision, recall and F1 are those of letting held-up claims through.",
            "Intervals are 95 %: Wilson for shares, bootstrap over pairs for F1.",
        ),
    )


def open_check(models: Path) -> Deps:
    """Return the function's collaborators."""
    head = parse_support_head(HEAD.read_text("utf-8"), DIMENSIONS)
    return Deps(PairEncoder.open(models), head, time.perf_counter)


def is_entailed(pair: LabelledClaim, deps: Deps) -> bool:
    """Return whether the model alone lets a claim through, whatever its figures."""
    vectors = read_example(pair, deps.encoder).vectors.tolist()
    return weigh_odds([deps.head.odds(vector) for vector in vectors]) >= deps.head.threshold


def main() -> None:
    """Print the tuning pairs that the check gets wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, default=MODELS)
    arguments = parser.parse_args()
    deps = open_check(arguments.models)
    for pair in tuning_claims():
        verdict = verdict_of(pair, deps)
        if verdict.supported is not pair.supported:
            reasons = ", ".join(verdict.reasons) or "let through"
            print(f"{pair.category}: {pair.claim} ({verdict.score:.2f}, {reasons})")
            print(f"    {pair.passage}")


if __name__ == "__main__":
    main()
