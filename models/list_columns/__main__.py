"""Learn which column of a table is a column of a list, and write it beside the code.

    python -m models.list_columns            learn, and write the weights
    python -m models.list_columns --check    only print the figures

It is learned on designs of the training, with a vocabulary of half of their wordings; figures are
of the designs of the validation. Those of the test take no part.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import sys
from collections.abc import Sequence

import numpy as np

from chalicelib.errors import InvalidInput
from chalicelib.extraction.label_similarity import LabelComparison
from chalicelib.extraction.list_assignment import best_assignment
from chalicelib.extraction.list_columns import LENIENCE
from chalicelib.extraction.list_evidence import (
    COLUMN_FEATURES,
    WEIGHTS,
    ColumnOdds,
    parse_column_odds,
)
from chalicelib.inference.embedder import Embedder
from models.datasets.business_documents import documents
from models.datasets.business_documents.designs import DocumentKind, Split
from models.evaluation.logistic_regression import learn_odds
from models.field_ranker.examples import CachingEmbedder
from models.field_ranker.label_knowledge import vocabulary_of
from models.field_ranker.wordings import half_of_wordings, known_wordings
from models.list_columns.examples import ColumnExample, column_examples
from models.pull.cache import CACHE
from models.weights_file import write_weights

SEED = 3
DOCUMENTS, VALIDATION = 480, 160
KINDS: tuple[DocumentKind, ...] = ("invoice", "statement", "receipt", "contract")
RIDGE = 3.0
DECIMALS = 4


def main() -> None:
    """Learn the odds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing")
    parser.add_argument("--documents", type=int, default=DOCUMENTS, help="of the training")
    arguments = parser.parse_args()
    embedder = CachingEmbedder(Embedder.open(CACHE))
    comparison = LabelComparison(
        embedder, vocabulary_of(known_wordings(half_of_wordings), embedder)
    )
    train = [
        *examples_of("train", arguments.documents // 2, comparison),
        *examples_of("lists", arguments.documents // 2, comparison),
    ]
    odds, written = learned(train)
    validation = examples_of("validation", VALIDATION, comparison)
    figures = {"training": judged(odds, train), "validation": judged(odds, validation)}
    sys.stdout.write(f"{json.dumps(figures | written, indent=1)}\n")
    if not arguments.check:
        about = "Learned on generated documents by models/list_columns."
        write_weights(WEIGHTS, about, {"tables": len(train), **written})


def examples_of(split: Split, count: int, comparison: LabelComparison) -> list[ColumnExample]:
    """Return the tables of the documents of a split; an ambiguous schema is left out."""
    rng = random.Random(f"{split} {SEED}")  # noqa: S311 - nothing secret
    found: list[ColumnExample] = []
    for each in documents(split, SEED, count, KINDS):
        with contextlib.suppress(InvalidInput):
            found += column_examples(each, comparison, rng)
    return found


def learned(examples: Sequence[ColumnExample]) -> tuple[ColumnOdds, dict[str, object]]:
    """Return the odds that were learned, as they are written, and how they are written."""
    lists = [each for each in examples if each.same.any()]
    features = np.concatenate([each.features[each.possible] for each in lists])
    same = np.concatenate([each.same[each.possible] for each in lists])
    weights, bias = learn_odds(features, same, RIDGE)
    written: dict[str, object] = {
        "weights": {
            name: round(float(weight), DECIMALS)
            for name, weight in zip(COLUMN_FEATURES, weights, strict=True)
        },
        "bias": round(bias, DECIMALS),
    }
    return parse_column_odds(json.dumps(written)), written


def judged(odds: ColumnOdds, examples: Sequence[ColumnExample]) -> dict[str, object]:
    """Return how many fields of lists are given their column, and how many a wrong one."""
    there = right = wrong = absent = filled = 0
    for each in examples:
        if not each.same.any():
            continue
        gains = np.where(each.possible, odds.of(each.features) + LENIENCE, -np.inf)
        for at, same in zip(best_assignment(gains), each.same, strict=True):
            if same.any():
                there += 1
                right += at is not None and bool(same[at])
                wrong += at is not None and not same[at]
            else:
                absent += 1
                filled += at is not None
    return {
        "columns": there,
        "found": round(right / max(1, there), 4),
        "taken for another": round(wrong / max(1, there), 4),
        "absent": absent,
        "absent and given one": round(filled / max(1, absent), 4),
    }


if __name__ == "__main__":
    main()
