"""Learn which of several schemas a document is asked by, and write the weights beside their code.

    python -m models.schema_fit              learn, and write the weights
    python -m models.schema_fit --check      only print the figures

Learned on documents of designs by chance, each with schemas of all kinds that were written for
other documents. Half of the schemas have a name, of which some say nothing. The figures are those
of the validation's designs: how often the schema of the document's kind fits best, and what a bound
of the probability lets pass.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from chalicelib.extraction.confidence import Odds
from chalicelib.extraction.document_reader import DocumentReader
from chalicelib.extraction.feature_names import Features
from chalicelib.extraction.label_similarity import LabelComparison
from chalicelib.extraction.ranker import field_ranker
from chalicelib.extraction.schema import ExtractionSchema, extraction_schema
from chalicelib.extraction.schema_fit import FIT_FEATURES, WEIGHTS, fit_features
from models.datasets.business_documents import KINDS
from models.evaluation.logistic_regression import learn_odds
from models.failures import BelowGate
from models.field_ranker.examples import CachingEmbedder, LabelKnowledge, read_generated
from models.field_ranker.label_knowledge import KnowledgeMaker, label_embedder
from models.field_ranker.splits import LearningSplit, split_documents
from models.field_ranker.wordings import half_of_wordings
from models.weights_file import write_weights

SEED = 2
TRAINING, VALIDATION, SCHEMAS = 110, 80, 40
RIDGE = 3.0
DECIMALS = 4
NAMED, MEANT = 0.5, 0.75
"""Share of the schemas that have a name, and of these names that say what the documents are."""
OTHER_NAMES = ("acme", "intake", "test-2", "north", "v3", "batch", "desk", "blue")
BOUNDS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


@dataclass(frozen=True, slots=True)
class FitExample:
    """A document's features with a schema of each kind, in the order of `KINDS`."""

    kind: str
    features: tuple[Features, ...]


def main() -> None:
    """Learn the weights."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing")
    arguments = parser.parse_args()
    maker = KnowledgeMaker.learned(CachingEmbedder(label_embedder()))
    half = maker.knowing(half_of_wordings)
    odds = learned(list(examples("train", TRAINING, half)))
    judged = list(examples("validation", VALIDATION, half))
    require_better_than_chance(odds, judged)
    sys.stdout.write(f"{json.dumps(figures(odds, judged), indent=1)}\n")
    if not arguments.check:
        about = "Learned on generated documents by models/schema_fit."
        weights = dict(zip(FIT_FEATURES, odds.weights, strict=True))
        learned_of = {"documents": TRAINING, "weights": weights, "bias": odds.bias}
        write_weights(WEIGHTS, about, learned_of)


def examples(split: LearningSplit, count: int, known: LabelKnowledge) -> Iterator[FitExample]:
    """Yield documents of a split, each with schemas that were written for others."""
    rng = random.Random(f"{split} {SEED}")  # noqa: S311 - nothing secret
    schemas: dict[str, list[ExtractionSchema]] = {kind: [] for kind in KINDS}
    for each in split_documents(split, SEED + 1, range(SCHEMAS)):
        schemas[each.kind].append(extraction_schema(each.schema))
    for each in split_documents(split, SEED, range(count)):
        document = read_generated(each)
        comparison = LabelComparison(known.embedder, known.vocabulary, known.subwords, known.kinds)
        features = []
        for kind in KINDS:
            reader = DocumentReader(rng.choice(schemas[kind]), document, comparison)
            features.append(fit_features(reader, field_ranker(), _called(kind, rng)))
        yield FitExample(each.kind, tuple(features))


def _called(kind: str, rng: random.Random) -> tuple[str, ...]:
    if rng.random() > NAMED:
        return ()
    return (rng.choice((kind, f"{kind}s")) if rng.random() < MEANT else rng.choice(OTHER_NAMES),)


def learned(known: Sequence[FitExample]) -> Odds:
    """Return the regression of pairs of documents and schemas."""
    features = np.array([row for each in known for row in each.features])
    right = np.array([kind == each.kind for each in known for kind in KINDS])
    weights, bias = learn_odds(features, right, RIDGE)
    return Odds(tuple(round(float(each), DECIMALS) for each in weights), round(bias, DECIMALS))


def require_better_than_chance(odds: Odds, judged: Sequence[FitExample]) -> None:
    """Refuse weights by which the right schema fits best no more often than any other.

    Raises:
        BelowGate: a weight is no number, or the lower end of the 95 % interval of the share of
            documents whose schema fits best is not above that of chance.
    """
    fits = [[odds.probability(row) for row in each.features] for each in judged]
    right = [
        max(range(len(KINDS)), key=row.__getitem__) == KINDS.index(each.kind)
        for each, row in zip(judged, fits, strict=True)
    ]
    share, chance = sum(right) / len(right), 1 / len(KINDS)
    low = share - 1.96 * math.sqrt(chance * (1 - chance) / len(right))
    if not (np.isfinite(fits).all() and low > chance):
        raise BelowGate(
            f"The right schema fits best for {share:.2f} of {len(right)} documents; chance has"
            f" {chance:.2f}."
        )


def figures(odds: Odds, judged: Sequence[FitExample]) -> dict[str, object]:
    """Return how often the right schema fits best, and by bound what is given and what is wrong."""
    told: dict[str, dict[str, float]] = {}
    best = 0
    for bound in BOUNDS:
        told[str(bound)] = dict.fromkeys(("right", "wrong", "absent_given"), 0.0)
    for each in judged:
        fits = {kind: odds.probability(row) for kind, row in zip(KINDS, each.features, strict=True)}
        first = max(fits, key=lambda kind: fits[kind])
        best += first == each.kind
        others = max(fit for kind, fit in fits.items() if kind != each.kind)
        for bound in BOUNDS:
            of = told[str(bound)]
            of["right"] += (fits[first] >= bound and first == each.kind) / len(judged)
            of["wrong"] += (fits[first] >= bound and first != each.kind) / len(judged)
            of["absent_given"] += (others >= bound) / len(judged)
    return {"fits best": best / len(judged), "documents": len(judged), "by bound": told}


if __name__ == "__main__":
    main()
