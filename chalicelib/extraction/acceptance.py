"""Acceptance of chosen values: one that is not sure enough is none, with the rules looked at."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from chalicelib.extraction.choice import ChosenValue, no_value
from chalicelib.extraction.confidence import RuleVotes
from chalicelib.extraction.rules import evaluate
from chalicelib.extraction.value_tree import value_tree

if TYPE_CHECKING:
    from chalicelib.extraction.confidence import FieldConfidence
    from chalicelib.extraction.document_reader import ReadField, ReadList
    from chalicelib.extraction.rules import ExtractionRule, RuleResult


def accepted_fields(
    fields: Sequence[ReadField],
    lists: Sequence[ReadList],
    rules: Sequence[ExtractionRule],
    confidence: FieldConfidence,
) -> list[ReadField]:
    """Return the fields outside of lists, without the values whose confidence is too low.

    Args:
        fields: the fields with the values that were chosen.
        lists: the lists that were read beside them.
        rules: those that hold make the values that they read surer. One that does not hold takes
            no value away: it is reported with the values that break it.
        confidence: tells how sure a value is, and how sure it has to be.
    """
    tree = value_tree(fields, lists)
    results = [evaluate(rule, tree) for rule in rules]
    return [_accepted(each, rule_votes(each.pointer, results), confidence) for each in fields]


def _accepted(field: ReadField, votes: RuleVotes, confidence: FieldConfidence) -> ReadField:
    if field.value is None or not isinstance(field.origin, ChosenValue):
        return field
    sure = confidence.value.probability(field.features(RuleVotes(held=votes.held)))
    if sure >= confidence.keep:
        return field
    return replace(field, value=None, raw="", spans=(), origin=no_value(field.origin.field))


def rule_votes(pointer: str, results: Iterable[RuleResult]) -> RuleVotes:
    """Return how many rules that read a value hold, and how many do not."""
    held = broken = 0
    for result in results:
        if result.holds is not None and any(
            pointer == each or pointer.startswith(f"{each}/") for each in result.pointers
        ):
            held += result.holds
            broken += not result.holds
    return RuleVotes(held, broken)
