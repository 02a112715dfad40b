"""Candidates that keep to a rule together become likelier, those that break it less likely.

Bayes' rule over the combinations of the likeliest candidates: a rule mostly holds for the true
values, and holds for others as often as it does among all combinations. So `total == net + tax`
says much, and `total >= tax` says little.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from chalicelib.extraction.choice import RankedField
from chalicelib.extraction.ranker import RankedCandidates
from chalicelib.extraction.rules import evaluate
from chalicelib.extraction.value_tree import put_value

if TYPE_CHECKING:
    from chalicelib.extraction.rules import ExtractionRule

TRUE_HOLDS = 0.95
"""How often a rule that a user states holds for what a document truly says."""
MAX_CANDIDATES = 4
MAX_FIELDS = 5
MIN_SHARE = 0.0001
"""Probability of a candidate that takes part: unlikely ones tell how often a rule holds."""
_UNSEEN = 0.25
"""Of a wrong combination that holds, where none does: they may be just not among those compared."""
_LEAST_CHANCE = 0.002


@dataclass(frozen=True, slots=True)
class _Option:
    """A candidate of a field, by its number, and its probability."""

    field: int
    at: int
    share: float


def keep_to_rules(
    fields: Sequence[RankedField], rules: Sequence[ExtractionRule], lists: Mapping[str, object]
) -> list[RankedField]:
    """Return the fields with the probabilities that the rules leave their candidates.

    Args:
        fields: the fields outside of lists.
        rules: those of the schema; one that is of rows or of many fields changes nothing.
        lists: the rows of the lists, nested as in the schema.
    """
    found = list(fields)
    for rule in rules:
        read = [at for at, each in enumerate(found) if each.leaf.pointer in rule.pointers]
        if not rule.list_path and 0 < len(read) <= MAX_FIELDS:
            _apply(rule, read, found, lists)
    return found


def _apply(
    rule: ExtractionRule, read: Sequence[int], found: list[RankedField], lists: Mapping[str, object]
) -> None:
    options = [_options(at, found[at]) for at in read]
    combinations = list(itertools.product(*options))
    holding = [_holds(rule, found, each, lists) for each in combinations]
    if not any(holding):
        return
    chance = max(_LEAST_CHANCE, (sum(holding) - 1 + _UNSEEN) / len(holding))
    before = [math.prod(option.share for option in each) for each in combinations]
    broken = 1 - TRUE_HOLDS
    after = [
        prior * (TRUE_HOLDS / chance if holds else broken)
        for prior, holds in zip(before, holding, strict=True)
    ]
    total = math.fsum(after) + broken * (1 - math.fsum(before))
    for at in read:
        gained: dict[int, float] = {}
        for each, prior, weight in zip(combinations, before, after, strict=True):
            option = next(one for one in each if one.field == at)
            gained[option.at] = gained.get(option.at, 0.0) + weight - broken * prior
        ranked = found[at].ranked
        shares = tuple(
            (broken * share + gained.get(number, 0.0)) / total
            for number, share in enumerate(ranked.shares)
        )
        found[at] = replace(
            found[at], ranked=RankedCandidates(shares, broken * ranked.none / total)
        )


def _options(at: int, field: RankedField) -> list[_Option]:
    ranked = sorted(enumerate(field.ranked.shares), key=lambda each: -each[1])[:MAX_CANDIDATES]
    return [_Option(at, number, share) for number, share in ranked if share >= MIN_SHARE]


def _holds(
    rule: ExtractionRule,
    fields: Sequence[RankedField],
    chosen: Sequence[_Option],
    lists: Mapping[str, object],
) -> bool:
    values = dict(_copied(lists))
    for option in chosen:
        field = fields[option.field]
        put_value(values, field.leaf.path, field.candidates[option.at].match.value)
    return evaluate(rule, values).holds is True


def _copied(tree: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    """Yield the entries of a tree, whose objects are copies: lists are only read."""
    for name, value in tree.items():
        yield name, dict(_copied(value)) if isinstance(value, dict) else value
