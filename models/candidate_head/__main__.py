"""Learn the order of candidates and the odds of answers, and write both beside their code.

    python -m models.candidate_head          learn, and write both files
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
from chalicelib.retrieval.answer.answer_odds import ODDS, ODDS_FEATURES
from chalicelib.retrieval.answer.candidate_head import HEAD
from chalicelib.retrieval.answer.candidates import CANDIDATE_FEATURES, Features
from models.candidate_head.examples import (
    CandidateExample,
    ComparedExample,
    compare_candidates,
    find_examples,
)
from models.candidate_head.listwise import Array, CandidateLists, first_answers, learn_weights
from models.candidate_head.odds import OddsExample, odds_examples, right_at
from models.evaluation.logistic_regression import learn_odds
from models.pull.cache import CACHE
from models.real_files.collection import open_collection
from models.real_files.packages import contents
from models.real_files.questions import TRAINING, load_files

FOLDS = 5
SEED = 1
DECIMALS = 4
"""Digits that are kept: processors differ in the last ones of int8's results."""
DEPTHS = (1, 3, 8)
SHARES = (0.05, 0.1, 0.2)
"""Of near misses answered, at which the odds are measured."""


def main() -> None:
    """Learn the weights of both from the training set."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing")
    parser.add_argument("--set", type=Path, default=TRAINING, help="questions to learn from")
    arguments = parser.parse_args()
    files = load_files(arguments.set)
    with open_collection("real-training", contents(files), CACHE) as collection:
        found = list(find_examples(collection, files))
        selection = learn_selection(found)
        compared = [compare_candidates(collection, example, selection) for example in found]
    kept = [each for each in compared if any(each.answers)]
    lists = lists_of([each.answers for each in kept], [each.features for each in kept])
    folds = assign_folds([each.package for each in compared])
    weights = fold_weights(lists, [folds[each.package] for each in kept])
    scores = cross_validate(lists, [each.package for each in kept])
    figures = {
        "questions": float(len(kept)),
        **{f"among the first {n}": round(first_answers(scores, lists, n), 3) for n in DEPTHS},
    }
    examples = list(odds_examples(compared, {name: weights[fold] for name, fold in folds.items()}))
    odds_figures = cross_validate_odds(examples, folds, compared)
    sys.stdout.write(f"{json.dumps(figures | odds_figures, indent=1)}\n")
    if not arguments.check:
        head = as_document(learn_weights(lists), selection, figures, len(files))
        HEAD.write_text(json.dumps(head, indent=1) + "\n", "utf-8")
        odds = odds_document(examples, odds_figures, len(files))
        ODDS.write_text(json.dumps(odds, indent=1) + "\n", "utf-8")


def learn_selection(examples: Sequence[CandidateExample]) -> Features:
    """Return a weight for each of `CANDIDATE_FEATURES`, from the questions that have an answer."""
    answered = [example for example in examples if any(example.answers)]
    features = [[each.features for each in example.candidates] for example in answered]
    lists = lists_of([example.answers for example in answered], features)
    return _rounded(learn_weights(lists))


def lists_of(
    answers: Sequence[Sequence[bool | None]], features: Sequence[Sequence[Features]]
) -> CandidateLists:
    """Return the lists of questions, without candidates whose context alone answers."""
    rows = [
        (at, row, answer)
        for at, (of_question, of) in enumerate(zip(answers, features, strict=True))
        for row, answer in zip(of, of_question, strict=True)
        if answer is not None
    ]
    return CandidateLists(
        np.array([row for _, row, _ in rows], np.float64),
        np.array([at for at, _, _ in rows], np.int64),
        np.array([answer for _, _, answer in rows], bool),
        len(answers),
    )


def assign_folds(packages: Sequence[str]) -> dict[str, int]:
    """Return the fold of each package."""
    names = sorted(set(packages))
    order = np.random.default_rng(SEED).permutation(len(names))
    return {names[name]: place % FOLDS for place, name in enumerate(order)}


def fold_weights(lists: CandidateLists, folds: Sequence[int]) -> list[Array]:
    """Return, for each fold, weights that never saw its questions; `folds` are of the questions."""
    of_question = np.array(folds)
    return [
        learn_weights(lists.of(np.flatnonzero(of_question != fold).tolist()))
        for fold in range(FOLDS)
    ]


def cross_validate(lists: CandidateLists, packages: Sequence[str]) -> Array:
    """Return the score of each candidate by weights that never saw its package."""
    fold_of = assign_folds(packages)
    folds = np.array([fold_of[package] for package in packages])
    scores = np.zeros(len(lists.question))
    for fold, weights in enumerate(fold_weights(lists, folds.tolist())):
        held_out = folds[lists.question] == fold
        scores[held_out] = lists.features[held_out] @ weights
    return scores


def cross_validate_odds(
    examples: Sequence[OddsExample],
    fold_of: Mapping[str, int],
    compared: Sequence[ComparedExample],
) -> dict[str, float]:
    """Return the share answered rightly by odds that never saw the package, by that of near misses.

    `compared` are all questions, those without a sentence that could answer among them.
    """
    features = np.array([each.features for each in examples])
    is_right = np.array([each.is_right for each in examples])
    folds = np.array([fold_of[each.package] for each in examples])
    odds = np.zeros(len(examples))
    for fold in range(FOLDS):
        weights, bias = learn_odds(features[folds != fold], is_right[folds != fold])
        odds[folds == fold] = features[folds == fold] @ weights + bias
    near = sum(each.question.is_near_miss for each in compared)
    asked = len(compared) - near
    return {
        f"right where {share:.0%} of near misses are answered": round(
            right_at(odds, examples, share, asked, near), 3
        )
        for share in SHARES
    }


def odds_document(
    examples: Sequence[OddsExample], figures: Mapping[str, float], files: int
) -> dict[str, object]:
    """Return the odds in the form that `parse_answer_odds` reads."""
    features = np.array([each.features for each in examples])
    weights, bias = learn_odds(features, np.array([each.is_right for each in examples]))
    return {
        "about": "Weights of the features of an answer's odds, by models/candidate_head.",
        "learned_on": f"{datetime.now(UTC):%Y-%m-%d}",
        "model": MODEL,
        "data": f"Questions about {files} files of packages. No text is in here.",
        "cross_validation": dict(figures),
        "bias": round(bias, DECIMALS),
        "weights": dict(zip(ODDS_FEATURES, _rounded(weights), strict=True)),
    }


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
