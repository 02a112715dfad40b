"""Scores of written answers against the wanted ones: exact match, token F1, and JSON fields."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.evaluation.intervals import group_means, mean_interval
from models.training_data.row_groups import RowGroups

Values = NDArray[np.float64]

_TOKEN = re.compile(r"\w+|[^\w\s]")
_SHIFTS = 5


@dataclass(frozen=True, slots=True)
class AnswerScores:
    """A score of each answer, or of each group of answers, [n], 0 to 1.

    `exact` is of answers that match to the letter but for spaces around them. `f1` is of their
    words and signs, whatever their order. `valid` and `fields` are None unless every wanted answer
    is a JSON object: whether an answer is one, and the share of the wanted fields that it has
    right.
    """

    exact: Values
    f1: Values
    valid: Values | None = None
    fields: Values | None = None

    def numbers(self, prefix: str = "") -> dict[str, float]:
        """Return the means and their 95 % intervals as metrics; names begin with `prefix`."""
        named = {
            "exact_match": self.exact,
            "f1": self.f1,
            "json_valid": self.valid,
            "fields": self.fields,
        }
        found: dict[str, float] = {}
        for name, values in named.items():
            if values is not None:
                found |= mean_interval(values).numbers(f"{prefix}{name}")
        return found

    def by_group(self, groups: RowGroups) -> AnswerScores:
        """Return the mean scores of each group of answers, [groups]."""
        valid, fields = (
            None if each is None else group_means(each, groups)
            for each in (self.valid, self.fields)
        )
        return AnswerScores(
            group_means(self.exact, groups), group_means(self.f1, groups), valid, fields
        )


def score_answers(written: Sequence[str], wanted: Sequence[str]) -> AnswerScores:
    """Return the scores of answers, as many as are wanted."""
    pairs = [(one.strip(), other.strip()) for one, other in zip(written, wanted, strict=True)]
    exact = np.array([float(one == other) for one, other in pairs])
    f1 = np.array([token_f1(one, other) for one, other in pairs])
    objects = [_json_object(other) for _, other in pairs]
    if any(each is None for each in objects):
        return AnswerScores(exact, f1)
    given = [_json_object(one) for one, _ in pairs]
    fields = [_right_fields(one, other or {}) for one, other in zip(given, objects, strict=True)]
    valid = np.array([float(each is not None) for each in given])
    return AnswerScores(exact, f1, valid, np.array(fields))


def token_f1(written: str, wanted: str) -> float:
    """Return the F1 of words and signs: the harmonic mean of precision and recall.

    P. Rajpurkar et al., https://arxiv.org/abs/1606.05250, without dropping articles and signs.
    """
    one, other = Counter(_TOKEN.findall(written)), Counter(_TOKEN.findall(wanted))
    shared = sum((one & other).values())
    total = sum(one.values()) + sum(other.values())
    return 2 * shared / total if total else 1.0


def f1_over_chance(written: Sequence[str], wanted: Sequence[str]) -> Values:
    """Return how much better each answer fits its own question than others' answers do, [n].

    It is the F1 with its own wanted answer less the mean of that with those of five other rows. A
    model that writes the same whatever it is asked, or what it has learned by heart, is at 0 and
    below, also where all answers share a form that earns an F1 of its own.
    """
    size = len(wanted)
    # Rows of a file can be in an order, so that neighbours are alike.
    order = np.random.default_rng(0).permutation(size)
    place = np.argsort(order)
    shifts = range(1, min(_SHIFTS, size - 1) + 1)
    own = [token_f1(one, other) for one, other in zip(written, wanted, strict=True)]
    chance = [
        np.mean([token_f1(text, wanted[order[(place[row] + shift) % size]]) for shift in shifts])
        if shifts
        else own[row]
        for row, text in enumerate(written)
    ]
    return np.asarray(np.array(own) - np.array(chance), np.float64)


def _json_object(text: str) -> Mapping[str, Any] | None:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _right_fields(given: Mapping[str, Any] | None, wanted: Mapping[str, Any]) -> float:
    """Return the share of the fields of both that are in both and equal."""
    if given is None:
        return 0.0
    names = set(given) | set(wanted)
    right = sum(name in given and name in wanted and given[name] == wanted[name] for name in names)
    return right / len(names) if names else 1.0
