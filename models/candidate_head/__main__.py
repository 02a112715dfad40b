"""Learn the weights of the candidates' features, and write them beside the code that reads them.

    python -m models.candidate_head          learn, and write the head
    python -m models.candidate_head --check  only print the figures of cross-validation

A fold of the cross-validation holds whole packages out.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from chalicelib.inference.embedder import MODEL
from chalicelib.retrieval.answer.answer_features import ANSWER_FEATURES
from chalicelib.retrieval.answer.candidate_head import HEAD
from chalicelib.retrieval.answer.candidates import CANDIDATE_FEATURES, Features
from models.candidate_head.examples import CandidateExample, compare_candidates, find_examples
from models.candidate_head.listwise import Array, CandidateLists, first_answers, learn_weights
from models.pull.cache import CACHE
from models.real_files.collection import open_collection
from models.real_files.packages import contents
from models.real_files.questions import TRAINING, load_files

FOLDS = 5
SEED = 1
DECIMALS = 4
"""Digits that are kept: processors differ in the last ones of int8's results."""
DEPTHS = (1, 3, 8)


def main() -> None:
    """Learn the head from the training set."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing")
    parser.add_argument("--set", type=Path, default=TRAINING, help="questions to learn from")
    arguments = parser.parse_args()
    files = load_files(arguments.set)
    with open_collection("real-training", contents(files), CACHE) as collection:
        found = list(find_examples(collection, files))
        selection = learn_selection(found)
        compared = [
            compare_candidates(collection, example, selection)
            for example in found
            if any(example.answers)
        ]
    kept = [(example, features) for example, features in compared if any(example.answers)]
    lists = lists_of([example for example, _ in kept], [features for _, features in kept])
    scores = cross_validate(lists, [example.package for example, _ in kept])
    figures = {
        "questions": float(len(kept)),
        **{f"among the first {n}": round(first_answers(scores, lists, n), 3) for n in DEPTHS},
    }
    sys.stdout.write(f"{json.dumps(figures, indent=1)}\n")
    if not arguments.check:
        head = as_document(learn_weights(lists), selection, figures, len(files))
        HEAD.write_text(json.dumps(head, indent=1) + "\n", "utf-8")


def learn_selection(examples: Sequence[CandidateExample]) -> Features:
    """Return a weight for each of `CANDIDATE_FEATURES`, from the questions that have an answer."""
    answered = [example for example in examples if any(example.answers)]
    features = [[each.features for each in example.candidates] for example in answered]
    return _rounded(learn_weights(lists_of(answered, features)))


def lists_of(
    examples: Sequence[CandidateExample], features: Sequence[Sequence[Features]]
) -> CandidateLists:
    """Return the lists of the examples, without candidates whose context alone answers."""
    rows = [
        (at, row, answer)
        for at, (example, of) in enumerate(zip(examples, features, strict=True))
        for row, answer in zip(of, example.answers, strict=True)
        if answer is not None
    ]
    return CandidateLists(
        np.array([row for _, row, _ in rows], np.float64),
        np.array([at for at, _, _ in rows], np.int64),
        np.array([answer for _, _, answer in rows], bool),
        len(examples),
    )


def cross_validate(lists: CandidateLists, packages: Sequence[str]) -> Array:
    """Return the score of each candidate by weights that never saw its package."""
    names = sorted(set(packages))
    order = np.random.default_rng(SEED).permutation(len(names))
    fold_of = {names[name]: place % FOLDS for place, name in enumerate(order)}
    folds = np.array([fold_of[package] for package in packages])
    scores = np.zeros(len(lists.question))
    for fold in range(FOLDS):
        weights = learn_weights(lists.of(np.flatnonzero(folds != fold).tolist()))
        held_out = folds[lists.question] == fold
        scores[held_out] = lists.features[held_out] @ weights
    return scores


def as_document(
    weights: Array, selection: Features, figures: Mapping[str, float], files: int
) -> dict[str, object]:
    """Return the head in the form that `parse_candidate_head` reads."""
    return {
        "about": "Weights of the features of candidates, by models/candidate_head.",
        "learned_on": f"{datetime.now(UTC):%Y-%m-%d}",
        "model": MODEL,
        "data": f"Questions about {files} files of packages. No text is in here.",
        "cross_validation": dict(figures),
        "selection": dict(zip(CANDIDATE_FEATURES, selection, strict=True)),
        "weights": dict(zip(ANSWER_FEATURES, _rounded(weights), strict=True)),
    }


def _rounded(weights: Array) -> Features:
    return tuple(weights.round(DECIMALS).tolist())


if __name__ == "__main__":
    main()
