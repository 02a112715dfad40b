"""Learn the head of the support check, and write it beside its function.

    python -m models.support_head          learn, and write the head
    python -m models.support_head --check  only print the figures of cross-validation

A logistic regression on the vectors of pairs, by Newton's method from zero: no chance takes part.
It learns from the written claims that are not measured, and from claims made of real files: without
these it refuses two of three verbatim sentences of such files. A fold of the cross-validation holds
whole passages and packages out; the threshold is chosen by it, on the written claims.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from chalicelib.contracts.functions.check_support import CheckSource
from chalicelib.contracts.ingest import Page
from chalicelib.errors import InvalidInput, Unsupported
from chalicelib.inference.pair_encoder import MODEL, PairEncoder
from chalicelib.retrieval.answer.support.entities import missing_entities
from chalicelib.retrieval.answer.support.sources import SourceWindow, parse_source
from chalicelib.retrieval.answer.support.verdict import premises, weigh_odds
from chalicelib.retrieval.text.parsed_text import parse_text
from functions.check_support.core import PairModel
from functions.check_support.handler import HEAD
from functions.read_document.extraction import extract
from functions.read_document.file_types.detection import identify_by_magika
from models.pull.cache import CACHE
from models.real_files.packages import contents
from models.real_files.questions import TRAINING, load_files
from models.support_pairs import LabelledClaim, claims_of_files, tuning_claims

RIDGE = 33.0
"""Penalty on the squares of the weights, features brought to one scale."""
PRECISION, SUPPORTED_SHARE = 0.93, 0.415
"""The threshold's precision, among claims of which this share is supported: that of the 200 pairs
that are measured, whereas there are more paraphrases among those to learn from."""
REAL_WEIGHT = 0.5
"""Weight of a claim made of a real file; that of a written one is 1. Verbatim claims are easy, and
there are twice as many."""
PAGES = 10
"""Pages of a real file that claims are made of."""
FOLDS = 10
ORDERS = 3
"""How often the passages are dealt to folds anew; a pair's odds are the mean."""
DECIMALS = 4
"""Digits that are kept: processors differ in the last ones of int8's results."""
_NEWTON_STEPS = 12

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ClaimExample:
    """The vectors of a claim with its premises, and whether a rule refuses it anyway."""

    vectors: Array
    refused: bool
    supported: bool
    group: str
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class LearnedWeights:
    """Weights and bias of a logistic regression."""

    weights: Array
    bias: float

    def odds(self, example: ClaimExample) -> float:
        """Return the odds of an example as the check weighs them."""
        return weigh_odds((example.vectors @ self.weights + self.bias).tolist())


def main() -> None:
    """Learn the head from the tuning claims."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing")
    parser.add_argument("--models", type=Path, default=CACHE)
    arguments = parser.parse_args()
    files = load_files(TRAINING)
    real = list(claims_of_files(files, read_pages(contents(files))))
    encoder = PairEncoder.open(arguments.models)
    written = [read_example(claim, encoder) for claim in tuning_claims()]
    made = [read_example(claim, encoder, REAL_WEIGHT) for claim in real]
    head = learn_head(written, made)
    sys.stdout.write(f"{json.dumps(head['cross_validation'])}\n")
    if not arguments.check:
        HEAD.write_text(json.dumps(head) + "\n", "utf-8")


def read_pages(found: Mapping[str, bytes]) -> dict[str, Sequence[Page]]:
    """Return the first pages of each file by its name, none of a file that is not read."""
    pages: dict[str, Sequence[Page]] = {}
    for name, content in found.items():
        try:
            pages[name] = extract(content, name, identify_by_magika).pages[:PAGES]
        except (InvalidInput, Unsupported):
            pages[name] = ()
    return pages


def learn_head(written: Sequence[ClaimExample], made: Sequence[ClaimExample]) -> dict[str, object]:
    """Return the head as a document, with its figures in cross-validation."""
    examples = [*written, *made]
    odds = cross_validate(examples)
    threshold, recall = choose_threshold(written, odds[: len(written)])
    accepted = [found >= threshold for found in odds[len(written) :]]
    figures = {
        "written claims": len(written),
        "their precision": PRECISION,
        "their recall": round(recall, 3),
        "claims of real files": len(made),
        "of these supported, accepted": _share(made, accepted, supported=True),
        "of these unsupported, accepted": _share(made, accepted, supported=False),
    }
    learned = learn_weights(examples)
    return {
        "about": "Weights of a pair's vector for the support check, by models/support_head.py.",
        "learned_on": f"{datetime.now(UTC):%Y-%m-%d}",
        "model": MODEL,
        "data": "Written claims of tests/data, and claims made of 148 files. No text is in here.",
        "cross_validation": figures,
        "threshold": round(threshold, 2),
        "bias": round(learned.bias, DECIMALS),
        "weights": learned.weights.round(DECIMALS).tolist(),
    }


def _share(examples: Sequence[ClaimExample], accepted: Sequence[bool], *, supported: bool) -> float:
    of = [
        passed
        for example, passed in zip(examples, accepted, strict=True)
        if example.supported is supported
    ]
    return round(float(sum(of)) / max(1, len(of)), 3)


def read_example(claim: LabelledClaim, encoder: PairModel, weight: float = 1.0) -> ClaimExample:
    """Return the vectors of a claim with its whole passage and with single sentences of it."""
    source = parse_source(CheckSource(id=0, text=claim.passage))
    part = parse_text(claim.claim)
    restated, places = premises(part, SourceWindow(source, range(len(source.spans))))
    read = [encoder.read(source.quote(each), restated).values for each in places]
    return ClaimExample(
        np.array(read, np.float64),
        bool(missing_entities(part, source.sentences)),
        claim.supported,
        claim.group,
        weight,
    )


def learn_weights(examples: Sequence[ClaimExample]) -> LearnedWeights:
    """Return the regression of whether whole passages support their claims."""
    features = np.array([example.vectors[0] for example in examples])
    labels = np.array([example.supported for example in examples], np.float64)
    counts = np.array([example.weight for example in examples])
    middle, spread = features.mean(axis=0), features.std(axis=0)
    spread[spread == 0] = 1.0
    scaled = np.hstack([(features - middle) / spread, np.ones((len(features), 1))])
    penalty = np.diag([*np.full(features.shape[1], RIDGE), 0.0])
    weights = np.zeros(scaled.shape[1])
    for _ in range(_NEWTON_STEPS):
        likely = 1 / (1 + np.exp(-scaled @ weights))
        slope = scaled.T @ (counts * (likely - labels)) + penalty @ weights
        curve = (scaled.T * (counts * likely * (1 - likely))) @ scaled + penalty
        weights -= np.linalg.solve(curve, slope)
    own = weights[:-1] / spread
    return LearnedWeights(own, float(weights[-1] - own @ middle))


def cross_validate(examples: Sequence[ClaimExample]) -> Array:
    """Return the odds of each example by weights that never saw its group."""
    groups = sorted({example.group for example in examples})
    odds = np.zeros(len(examples))
    for order in range(ORDERS):
        dealt = np.random.default_rng(order).permutation(len(groups)) % FOLDS
        folds = np.array([dealt[groups.index(example.group)] for example in examples])
        for fold in range(FOLDS):
            learned = learn_weights([examples[at] for at in np.flatnonzero(folds != fold).tolist()])
            for at in np.flatnonzero(folds == fold).tolist():
                odds[at] += learned.odds(examples[at]) / ORDERS
    return odds


def choose_threshold(examples: Sequence[ClaimExample], odds: Array) -> tuple[float, float]:
    """Return the threshold with most recall at `PRECISION`, and that recall.

    Raises:
        ValueError: no threshold is that precise.
    """
    labels = np.array([example.supported for example in examples])
    passing = ~np.array([example.refused for example in examples])
    weights = np.where(
        labels, SUPPORTED_SHARE / labels.mean(), (1 - SUPPORTED_SHARE) / (1 - labels.mean())
    )
    best: tuple[float, float] | None = None
    for threshold in np.unique(odds)[::-1]:
        accepted = passing & (odds >= threshold)
        if not accepted.any():
            continue
        precision = (weights * labels)[accepted].sum() / weights[accepted].sum()
        recall = float(accepted[labels].mean())
        if precision >= PRECISION and (best is None or recall > best[1]):
            best = float(threshold), recall
    if best is None:
        raise ValueError(f"No threshold has a precision of {PRECISION}.")
    return best


if __name__ == "__main__":
    main()
