"""Learning how sure a value, a null or a cell is, and from when on a value is given at all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from chalicelib.extraction.acceptance import accepted_fields, rule_votes
from chalicelib.extraction.confidence import (
    ABSENT_FEATURES,
    CELL_FEATURES,
    VALUE_FEATURES,
    FieldConfidence,
    Odds,
    ReadKind,
)
from chalicelib.extraction.feature_names import Features
from chalicelib.extraction.ranker import FieldRanker
from chalicelib.extraction.read_fields import ReadField
from chalicelib.extraction.rules import evaluate
from chalicelib.extraction.value_tree import value_tree
from models.evaluation.logistic_regression import learn_odds
from models.field_ranker.examples import DocumentExample, same_value
from models.field_ranker.row_truth import judged_cells

FLOOR = 0.1
"""Least probability by the ranker of a value that the regression looks at."""
KEEPS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.82, 0.84, 0.86, 0.88, 0.9, 0.92, 0.95)
MAX_INVENTED = 0.01
"""Share of absent fields that may be given a value, in documents of strangers and in others alike:
the least threshold is taken that keeps to it, of documents that the regression did not learn from.
"""
RIDGE = 3.0
"""Of the regressions: gives more values than 30 on the documents that calibrate."""
DECIMALS = 4

Example = tuple[ReadKind, Features, bool]
"""A reading with its features, and whether it is right."""


@dataclass(frozen=True, slots=True)
class _ChosenDocument:
    """A document with the choice for each of its fields, which no confidence has looked at."""

    example: DocumentExample
    chosen: Sequence[ReadField]

    @classmethod
    def of(cls, example: DocumentExample, ranker: FieldRanker) -> _ChosenDocument:
        """Return a document with what a ranker chooses."""
        unranked = [each.field for each in example.fields]
        return cls(example, example.reader.choose(ranker, FLOOR, example.lists, unranked))

    def accepted(self, confidence: FieldConfidence) -> list[ReadField]:
        """Return the fields outside of lists, without the values that are not sure enough."""
        example = self.example
        return accepted_fields(self.chosen, example.lists, example.reader.schema, confidence)

    def examples(self, confidence: FieldConfidence) -> Iterator[Example]:
        """Yield what was read, as confidences see it, and whether it is right."""
        fields, lists = self.accepted(confidence), self.example.lists
        tree = value_tree(fields, lists)
        results = [evaluate(rule, tree) for rule in self.example.reader.schema.rules]
        for field, known in zip(fields, self.example.fields, strict=True):
            votes = rule_votes(field.pointer, results)
            yield field.kind, field.features(votes), same_value(field.value, known.truth.value)
        true = {each.pointer: each for each in self.example.generated.lists}
        for each in lists:
            for cell, is_right in judged_cells(each, true[each.field.pointer]):
                yield cell.kind, cell.features(rule_votes(cell.pointer, results)), is_right


def learn_confidence(
    ranker: FieldRanker, documents: Sequence[DocumentExample]
) -> tuple[FieldConfidence, dict[str, object]]:
    """Return the regressions and thresholds, and what they come to.

    The threshold is chosen on each half of the documents with the regression of the other half.

    Args:
        ranker: of the probabilities.
        documents: none that the ranker learned from.
    """
    known = [_ChosenDocument.of(each, ranker) for each in documents]
    nothing = Odds((), 0.0)
    confidence = FieldConfidence(_even(), nothing, nothing, FLOOR, 0.0)
    halves = known[::2], known[1::2]
    examples = [_examples(confidence, half) for half in halves]
    shares: dict[float, Mapping[str, Mapping[str, float]]] = {}
    of_halves = [_odds(each, ReadKind.VALUE)[0] for each in examples]
    for keep in KEEPS:
        counts = [
            _counts(replace(confidence, value=odds, keep=keep), half)
            for odds, half in zip(of_halves, halves[::-1], strict=True)
        ]
        strangers, others = np.sum(counts, axis=0)
        shares[keep] = {"strangers": _shares(strangers), "others": _shares(others)}
    largest = {k: max(of["invented"] for of in each.values()) for k, each in shares.items()}
    chosen = least_threshold(largest)
    value, of_values = _odds([*examples[0], *examples[1]], ReadKind.VALUE)
    confidence = replace(confidence, value=value, keep=chosen)
    accepted = _examples(confidence, known)
    absent, of_absent = _odds(accepted, ReadKind.ABSENT)
    cell, of_cells = _odds(accepted, ReadKind.CELL)
    told: dict[str, object] = {
        "thresholds": {str(keep): each for keep, each in shares.items()},
        "chosen": chosen,
        "value": of_values,
        "absent": of_absent,
        "cell": of_cells,
    }
    return replace(confidence, absent=absent, cell=cell), told


def least_threshold(invented: Mapping[float, float]) -> float:
    """Return the least threshold from which on `MAX_INVENTED` is kept to, or else the largest.

    Args:
        invented: by threshold the share of absent fields that get a value, the larger one of
            strangers' documents and of others.
    """
    chosen = max(invented)
    for keep in sorted(invented, reverse=True):
        if invented[keep] > MAX_INVENTED:
            break
        chosen = keep
    return chosen


def confidence_document(confidence: FieldConfidence) -> dict[str, object]:
    """Return the regressions in the form that `parse_field_confidence` reads."""
    odds = {
        "value": (confidence.value, VALUE_FEATURES),
        "absent": (confidence.absent, ABSENT_FEATURES),
        "cell": (confidence.cell, CELL_FEATURES),
    }
    regressions = {
        name: {"weights": dict(zip(names, each.weights, strict=True)), "bias": each.bias}
        for name, (each, names) in odds.items()
    }
    return {"floor": confidence.floor, "keep": confidence.keep, **regressions}


def _even() -> Odds:
    return Odds((0.0,) * len(VALUE_FEATURES), 0.0)


def _examples(confidence: FieldConfidence, known: Sequence[_ChosenDocument]) -> list[Example]:
    return [example for each in known for example in each.examples(confidence)]


def _odds(examples: Sequence[Example], kind: ReadKind) -> tuple[Odds, dict[str, int]]:
    """Return the regression of a kind, and the number of its examples and of the wrong ones."""
    chosen = [(features, is_right) for found, features, is_right in examples if found == kind]
    right = np.array([each for _, each in chosen])
    weights, bias = learn_odds(np.array([each for each, _ in chosen]), right, RIDGE)
    odds = Odds(tuple(np.round(weights, DECIMALS).tolist()), round(bias, DECIMALS))
    return odds, {"examples": len(right), "wrong": int((~right).sum())}


def _counts(confidence: FieldConfidence, known: Sequence[_ChosenDocument]) -> NDArray[np.int64]:
    """Return how many absent fields there are and get a value, and others and get the right one.

    Returns:
        Those of strangers' documents and of others, (2, 4).
    """
    found = np.zeros((2, 4), np.int64)
    for document in known:
        fields = document.accepted(confidence)
        counts = found[0 if document.example.is_strange else 1]
        for field, example in zip(fields, document.example.fields, strict=True):
            if example.truth.value is None:
                counts += 1, field.value is not None, 0, 0
            else:
                counts += 0, 0, 1, same_value(field.value, example.truth.value)
    return found


def _shares(counts: NDArray[np.int64]) -> Mapping[str, float]:
    """Return the shares of absent fields that get a value, and of others that get the right one."""
    absent, invented, present, right = counts.tolist()
    return {
        "invented": round(invented / max(1, absent), 4),
        "right": round(right / max(1, present), 4),
    }
