"""Figures of judged documents, with 95 % intervals by the bootstrap over documents."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.extraction_judging import JudgedDocument, JudgedLeaf
from chalicelib.contracts.extractions import MAX_CANDIDATES

SEED = 129
RESAMPLES = 400
_LOW, _HIGH = 0.025, 0.975
_BINS = 10
REVIEWED = 0.1
"""The share of leaves that a person looks at, the least sure first."""

Counts = tuple[float, int]
"""The parts of a share: what counts, and of how many."""


def share(documents: Sequence[JudgedDocument], counts: Callable[[JudgedDocument], Counts]) -> Any:
    """Return the share of all documents together, its interval, and the number it is of."""
    parts = np.array([counts(each) for each in documents], np.float64).reshape(-1, 2)
    return _interval(
        parts, lambda sums: sums[0] / sums[1] if sums[1] else np.nan, parts[:, 1].sum()
    )


def f1(documents: Sequence[JudgedDocument], keep: Callable[[JudgedLeaf], bool]) -> Any:
    """Return the F1 of values: what is right of what is found, and of what is there."""
    parts = np.array([_f1_parts(each, keep) for each in documents], np.float64).reshape(-1, 3)

    def of(sums: NDArray[np.float64]) -> float:
        return float(2 * sums[0] / (sums[1] + sums[2])) if sums[1] + sums[2] else np.nan

    return _interval(parts, of, parts[:, 2].sum())


def _f1_parts(document: JudgedDocument, keep: Callable[[JudgedLeaf], bool]) -> tuple[int, int, int]:
    leaves = [leaf for leaf in document.leaves if keep(leaf)]
    right = sum(leaf.right and leaf.present for leaf in leaves)
    return right, sum(leaf.found for leaf in leaves), sum(leaf.present for leaf in leaves)


def _interval(
    parts: NDArray[np.float64], of: Callable[[NDArray[np.float64]], float], count: float
) -> dict[str, Any]:
    if not len(parts) or np.isnan(value := of(parts.sum(axis=0))):
        return {"value": None, "interval": None, "of": 0}
    drawn = np.random.default_rng(SEED).integers(0, len(parts), (RESAMPLES, len(parts)))
    values = [of(parts[each].sum(axis=0)) for each in drawn]
    low, high = np.nanquantile(values, (_LOW, _HIGH))
    return {"value": _short(value), "interval": [_short(low), _short(high)], "of": int(count)}


def _short(value: float) -> float:
    return round(float(value), 4)


def auroc(scores: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """Return how likely a right leaf is surer than a wrong one; ties count half."""
    good, bad = int(right.sum()), int((~right).sum())
    if not good or not bad:
        return float("nan")
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    return float((ranks[right].sum() - good * (good + 1) / 2) / (good * bad))


def calibration_error(scores: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """Return the expected calibration error by ten bins of equal width."""
    bins = np.minimum((scores * _BINS).astype(int), _BINS - 1)
    gaps = [
        (bins == each).sum() * abs(scores[bins == each].mean() - right[bins == each].mean())
        for each in np.unique(bins)
    ]
    return float(sum(gaps) / len(scores))


def errors_reviewed(scores: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """Return the share of errors among the least sure tenth; equal scores are taken in part."""
    wrong = ~right
    if not wrong.any():
        return float("nan")
    room, caught = REVIEWED * len(scores), 0.0
    for score in np.unique(scores):
        tied = scores == score
        part = min(1.0, room / tied.sum())
        caught += part * wrong[tied].sum()
        room -= part * tied.sum()
        if room <= 0:
            break
    return float(caught / wrong.sum())


def confidence_figures(documents: Sequence[JudgedDocument]) -> dict[str, Any]:
    """Return how well confidences tell right from wrong, with intervals over documents."""
    by_document = [
        np.array(
            [(leaf.confidence, leaf.right) for leaf in each.leaves if leaf.confidence is not None],
            np.float64,
        ).reshape(-1, 2)
        for each in documents
    ]
    if not sum(map(len, by_document)):
        return {}
    measures: Mapping[str, Callable[[NDArray[np.float64], NDArray[np.bool_]], float]] = {
        "AUROC": auroc,
        "ECE": calibration_error,
        "errors in the worst 10 %": errors_reviewed,
    }
    whole = np.concatenate(by_document)
    right = whole[:, 1] > 0
    rng = np.random.default_rng(SEED)
    drawn: dict[str, list[float]] = {name: [] for name in measures}
    for _ in range(RESAMPLES // 2):
        picked = np.concatenate(
            [by_document[at] for at in rng.integers(0, len(by_document), len(by_document))]
        )
        for name, measure in measures.items():
            drawn[name].append(measure(picked[:, 0], picked[:, 1] > 0))
    figures: dict[str, Any] = {"leaves": len(whole), "wrong": int((~right).sum())}
    for name, measure in measures.items():
        value = measure(whole[:, 0], right)
        if not np.isnan(value):
            low, high = np.nanquantile(drawn[name], (_LOW, _HIGH))
            figures[name] = {"value": _short(value), "interval": [_short(low), _short(high)]}
    return figures


def figures(documents: Sequence[JudgedDocument]) -> dict[str, Any]:
    """Return all figures of judged documents."""
    kinds = sorted({leaf.kind for each in documents for leaf in each.leaves})
    return {
        "documents": len(documents),
        "value F1": f1(documents, lambda leaf: True),
        "value F1 outside lists": f1(documents, lambda leaf: not leaf.in_list),
        "value F1 by kind": {kind: f1(documents, _of_kind(kind)) for kind in kinds},
        "invented on blanks": share(documents, _invented),
        "invented on blanks outside lists": share(documents, _invented_outside),
        "given rightly outside lists": share(documents, lambda each: _reached(each, 0)),
        "given rightly or the first candidate": share(documents, lambda each: _reached(each, 1)),
        "given rightly or a candidate": share(
            documents, lambda each: _reached(each, MAX_CANDIDATES)
        ),
        "blanks outside lists shown with a candidate": share(documents, _tempted),
        "rows read, whatever is in their columns": share(documents, _read),
        "rows found": share(documents, _recall),
        "rows found, each list alike": share(documents, _recall_by_list),
        "rows wholly right": share(documents, _whole),
        "cells of lists": share(documents, _cells),
        "rows that are of the list": share(documents, _precision),
        "rows twice": share(documents, _duplicates),
        "lists said to be complete that are not": share(documents, _overclaimed),
        "lists said to be complete that are not wholly right": share(documents, _overstated),
        "lists said to be complete": share(documents, _complete),
        "grounded": share(documents, _grounded),
        "confidence": confidence_figures(documents),
    }


def _of_kind(kind: str) -> Callable[[JudgedLeaf], bool]:
    return lambda leaf: leaf.kind == kind


def _invented(document: JudgedDocument) -> Counts:
    blanks = [leaf for leaf in document.leaves if leaf.blank]
    return sum(leaf.invented for leaf in blanks), len(blanks)


def _invented_outside(document: JudgedDocument) -> Counts:
    blanks = [leaf for leaf in document.leaves if leaf.blank and not leaf.in_list]
    return sum(leaf.invented for leaf in blanks), len(blanks)


def _reached(document: JudgedDocument, candidates: int) -> Counts:
    """Return how many values outside lists are given rightly or among the first candidates."""
    there = [leaf for leaf in document.leaves if leaf.present and not leaf.in_list]
    reached = (leaf.right or 0 < leaf.right_candidate <= candidates for leaf in there)
    return sum(reached), len(there)


def _tempted(document: JudgedDocument) -> Counts:
    blanks = [leaf for leaf in document.leaves if leaf.blank and not leaf.in_list]
    return sum(leaf.candidates > 0 for leaf in blanks), len(blanks)


def _read(document: JudgedDocument) -> Counts:
    """Return how many rows were read, of as many as there are; more are no better."""
    lists = document.lists
    return sum(min(each.found, each.true) for each in lists), sum(each.true for each in lists)


def _recall(document: JudgedDocument) -> Counts:
    return sum(each.matched for each in document.lists), sum(each.true for each in document.lists)


def _recall_by_list(document: JudgedDocument) -> Counts:
    """Return the sum of each list's share, so that a long list counts no more than a short one."""
    lists = [each for each in document.lists if each.true]
    return sum(each.matched / each.true for each in lists), len(lists)


def _whole(document: JudgedDocument) -> Counts:
    return sum(each.whole for each in document.lists), sum(each.true for each in document.lists)


def _cells(document: JudgedDocument) -> Counts:
    """Return how many cells that are there were found in their row and column."""
    cells = [leaf for leaf in document.leaves if leaf.in_list and leaf.present]
    return sum(leaf.right for leaf in cells), len(cells)


def _complete(document: JudgedDocument) -> Counts:
    return sum(each.complete for each in document.lists), len(document.lists)


def _overstated(document: JudgedDocument) -> Counts:
    wrong = [each for each in document.lists if not each.is_right]
    return sum(each.complete for each in wrong), len(document.lists)


def _precision(document: JudgedDocument) -> Counts:
    return sum(each.matched for each in document.lists), sum(each.found for each in document.lists)


def _duplicates(document: JudgedDocument) -> Counts:
    return (
        sum(each.duplicates for each in document.lists),
        sum(each.found for each in document.lists),
    )


def _overclaimed(document: JudgedDocument) -> Counts:
    short = [each for each in document.lists if each.matched != each.true]
    return sum(each.complete for each in short), len(document.lists)


def _grounded(document: JudgedDocument) -> Counts:
    told = [leaf.grounded for leaf in document.leaves if leaf.grounded is not None]
    return sum(told), len(told)
