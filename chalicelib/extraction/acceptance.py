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
    from chalicelib.extraction.read_fields import ReadField, ReadList
    from chalicelib.extraction.rules import RuleResult
    from chalicelib.extraction.schema import ExtractionSchema


def accepted_fields(
    fields: Sequence[ReadField],
    lists: Sequence[ReadList],
    schema: ExtractionSchema,
    confidence: FieldConfidence,
) -> list[ReadField]:
    """Return the fields outside of lists, without the values whose confidence is too low.

    Args:
        fields: the fields with the values that were chosen.
        lists: the lists that were read beside them.
        schema: says how sure values have to be, if it does. Its rules that hold make the values
            that they read surer. One that does not hold takes no value away: it is reported with
            the values that break it.
        confidence: tells how sure a value is, and how sure it has to be by default.
    """
    tree = value_tree(fields, lists)
    results = [evaluate(rule, tree) for rule in schema.rules]
    default = confidence.keep if schema.min_confidence is None else schema.min_confidence
    return [
        _accepted(each, rule_votes(each.pointer, results), confidence, default) for each in fields
    ]


def _accepted(
    field: ReadField, votes: RuleVotes, confidence: FieldConfidence, default: float
) -> ReadField:
    if field.value is None or not isinstance(field.origin, ChosenValue):
        return field
    sure = confidence.value.probability(field.features(RuleVotes(held=votes.held)))
    if sure >= (default if field.leaf.min_confidence is None else field.leaf.min_confidence):
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
