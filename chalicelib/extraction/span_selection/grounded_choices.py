"""Checks of the span numbers that a language model chose: which are taken, which refused. Pure.

A number stands for characters of the document whose value the field's own reader has read; it
counts only if it was offered for that field, if no other field has the characters, if no rule of
the schema breaks, and if the choice makes the span as likely as any value has to be to be given.
What fails is counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.errors import NoAnswer
from chalicelib.extraction.document_values import SelectedSpan
from chalicelib.extraction.open_fields import overlap
from chalicelib.extraction.span_selection.likelihood import with_choice
from chalicelib.extraction.span_selection.prompt import NONE
from chalicelib.generation.schemas import parse_json

if TYPE_CHECKING:
    from chalicelib.contracts.extraction_models import ChoiceRefusal
    from chalicelib.extraction.document import Span
    from chalicelib.extraction.document_values import DocumentReading
    from chalicelib.extraction.open_fields import OpenField, SpanOffer
    from chalicelib.extraction.rules import RuleResult
    from chalicelib.extraction.span_selection.prompt import SpanQuestion

_MAX_SHOWN = 60
"""Characters of a span that a reason quotes."""


@dataclass(frozen=True, slots=True)
class SpanChoice:
    """A model's answer about a field: an offer, None for a number that was not offered.

    `confidence` is how likely the span is the value, given the choice.
    """

    field: OpenField
    offer: SpanOffer | None
    confidence: float = 0.0


@dataclass(frozen=True, slots=True)
class GroundedChoices:
    """The spans that are taken, by pointer, why others are not, and what a person should know."""

    spans: Mapping[str, SelectedSpan]
    refused: Mapping[ChoiceRefusal, int]
    reasons: tuple[str, ...]


def span_choices(question: SpanQuestion, text: str, ratio: float) -> list[SpanChoice]:
    """Return what an answer chose, without the fields for which it found nothing.

    Raises:
        NoAnswer: the answer is not a JSON object of numbers.
    """
    try:
        answer = parse_json(text)
    except ValueError as error:
        raise NoAnswer(f"The answer is no JSON: {error}.") from error
    if not isinstance(answer, dict):
        raise NoAnswer("The answer is no JSON object.")
    choices = []
    for key, field in question.fields.items():
        number = answer.get(key, NONE)
        if number == NONE and not isinstance(number, bool):
            continue
        offer = None
        if isinstance(number, int) and not isinstance(number, bool):
            offer = question.offers[key].get(number)
        sure = 0.0 if offer is None else with_choice(offer.confidence, ratio)
        choices.append(SpanChoice(field, offer, sure))
    return choices


def grounded(reading: DocumentReading, choices: Iterable[SpanChoice]) -> GroundedChoices:
    """Return which choices are taken, the surest first, and why the others are not."""
    spans: dict[str, SelectedSpan] = {}
    refused: Counter[ChoiceRefusal] = Counter()
    reasons: list[str] = []
    for choice in sorted(choices, key=lambda each: -each.confidence):
        why = _refusal(reading, choice, spans)
        if choice.offer is not None and why is None:
            selected = SelectedSpan(choice.offer.at, choice.confidence)
            spans[choice.field.read.pointer] = selected
        elif why is not None:
            refused[why] += 1
            reasons.append(_reason(choice, why))
    return GroundedChoices(spans, dict(refused), tuple(reasons))


def _refusal(
    reading: DocumentReading, choice: SpanChoice, spans: Mapping[str, SelectedSpan]
) -> ChoiceRefusal | None:
    """Return why a choice is not taken beside those in `spans`, None if it is."""
    if choice.offer is None:
        return "number"
    pointer = choice.field.read.pointer
    fields = reading.selected(spans)
    others = [span for each in fields if each.pointer != pointer for span in each.spans]
    if _in_use(choice.offer.candidate.spans, others):
        return "taken"
    before = _broken(reading.rule_results(fields))
    with_it = {**spans, pointer: SelectedSpan(choice.offer.at, choice.confidence)}
    if _broken(reading.rule_results(reading.selected(with_it))) - before:
        return "rule"
    return "doubtful" if choice.confidence < reading.needed(choice.field.read) else None


def _in_use(spans: Sequence[Span], others: Sequence[Span]) -> bool:
    return any(overlap(one, other) for one in spans for other in others)


def _broken(results: Iterable[RuleResult]) -> set[str]:
    return {each.rule for each in results if each.holds is False}


def _reason(choice: SpanChoice, why: ChoiceRefusal) -> str:
    """Return in words which choice was refused, for the person who looks at the extraction."""
    pointer = choice.field.read.pointer
    if choice.offer is None:
        return f"{pointer}: the model chose a number that stands for no span of this field."
    candidate = choice.offer.candidate
    text = " ".join(candidate.text.split())
    shown = text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…"
    told = {
        "number": "",
        "taken": "which is the value of another field",
        "rule": "by which a rule does not hold",
        "doubtful": f"which is right with a probability of {choice.confidence:.2f} only",
    }
    return f"{pointer}: the model chose {shown!r} on page {candidate.spans[0].page}, {told[why]}."
