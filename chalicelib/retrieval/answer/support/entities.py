"""Numbers, dates and names of a claim: each must occur in the right clause of a source."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import TYPE_CHECKING

from chalicelib.contracts.functions.check_support import Doubt
from chalicelib.retrieval.text.parsed_text import ParsedText
from chalicelib.retrieval.text.units import COUNT

if TYPE_CHECKING:
    from chalicelib.retrieval.answer.support.alignment import Alignment
    from chalicelib.retrieval.text.dates import TimeExpression
    from chalicelib.retrieval.text.quantities import Quantity

_NATIONAL = 5
"""The fewest letters that names of one family share, as `German` and `Germany` do."""


def missing_entities(claim: ParsedText, places: Sequence[ParsedText]) -> set[Doubt]:
    """Return doubts for the claim's numbers, dates and names that are nowhere in `places`.

    This is the hard rule: nothing else makes up for it.
    """
    return {doubt for doubt, stands_in in _demands(claim) if not stands_in(places)}


def sentences_with_entities(
    claim: ParsedText, passage: Sequence[ParsedText], held: Collection[int]
) -> set[int]:
    """Return the places of further sentences that a quotation needs to show every figure.

    `held` are those that it already has.
    """
    more: set[int] = set()
    for _, stands_in in _demands(claim):
        if not stands_in([passage[at] for at in sorted({*held, *more})]):
            telling = (at for at in range(len(passage)) if stands_in([passage[at]]))
            more.update(itertools.islice(telling, 1))
    return more


_StandsIn = Callable[[Sequence[ParsedText]], bool]


def _demands(claim: ParsedText) -> Iterator[tuple[Doubt, _StandsIn]]:
    """Yield a test for each figure of the claim, and the doubt if it fails."""
    for quantity in claim.quantities:
        yield Doubt.NUMBER_MISSING, functools.partial(_has_quantity, quantity)
    for moment in claim.times:
        yield Doubt.DATE_MISSING, functools.partial(_has_moment, moment)
    for at in claim.names:
        yield Doubt.NAME_MISSING, functools.partial(_has_name, claim.words[at].folded)


def _has_quantity(asked: Quantity, places: Sequence[ParsedText]) -> bool:
    quantities = (figure for place in places for figure in (*place.quantities, *place.implied))
    if any(asked.is_stated_by(figure) for figure in quantities):
        return True
    moments = [figure for place in places for figure in place.times]
    bare = asked.dimension == COUNT
    return bare and any(asked.value in (figure.year, figure.day) for figure in moments)


def _has_moment(asked: TimeExpression, places: Sequence[ParsedText]) -> bool:
    """Return whether one date states the moment, or dates that agree do so together."""
    fitting = [figure for place in places for figure in place.times if asked.agrees(figure)]
    kinds = {kind for figure in fitting for kind in asked.kinds & figure.kinds}
    if fitting and asked.kinds <= kinds:
        return True
    numbers = (figure for place in places for figure in place.quantities)
    return asked.kinds == {0} and any(figure.value == asked.year for figure in numbers)


def _has_name(name: str, places: Sequence[ParsedText]) -> bool:
    known = {word.folded for place in places for word in place.words}
    if name in known or name.rstrip("s") in known:
        return True
    return len(name) >= _NATIONAL and any(
        len(word) >= _NATIONAL and (name.startswith(word) or word.startswith(name))
        for word in known
    )


def misplaced_entities(alignment: Alignment, clause: range, within: range) -> Iterator[Doubt]:
    """Yield doubts for figures that the sentence states of another thing than the claim does.

    A figure of the claim is misplaced if the aligned clause has a rival instead: another figure of
    the same kind that is not in the claim.
    """
    claim, sentence = alignment.claim, alignment.sentence
    quantities = (*sentence.quantities, *sentence.implied)
    for quantity in (figure for figure in _measured(claim) if figure.start in clause):
        here = [figure for figure in quantities if figure.start in within]
        rivals = any(figure.dimension == quantity.dimension for figure in here)
        if rivals and not any(quantity.is_stated_by(figure) for figure in here):
            yield Doubt.NUMBER_MISSING
    for moment in (figure for figure in claim.times if figure.start in clause):
        alike = [figure for figure in sentence.times if figure.kinds & moment.kinds]
        near = [figure for figure in alike if figure.start in within] or alike
        if near and not any(moment.agrees(figure) for figure in near):
            yield Doubt.DATE_MISSING
    if _parted(alignment, clause):
        yield Doubt.DATE_MISSING
    yield from _misplaced_names(alignment, clause, within)


def _measured(claim: ParsedText) -> tuple[Quantity, ...]:
    """Return the quantities of a claim, and the implied ones that can have a rival.

    These are the day of `the next day`, and `one` of things that are counted.
    """
    ahead = (
        quantity
        for quantity in claim.implied
        if claim.words[quantity.start].folded in {"next", "one"}
    )
    return (*claim.quantities, *ahead)


def _parted(alignment: Alignment, clause: range) -> bool:
    """Return whether a clause of the claim joins moments that the sentence states separately.

    `Until 16:00, on Fridays until 14:00` does not speak of Friday at 16:00.
    """
    sentence = alignment.sentence
    moments = [moment for moment in alignment.claim.times if moment.start in clause]
    return any(
        _rivalled(moment, sentence.clause_of(stated.start), sentence)
        for moment, another in itertools.permutations(moments, 2)
        for stated in sentence.times
        if another.agrees(stated)
    )


def _rivalled(asked: TimeExpression, within: range, sentence: ParsedText) -> bool:
    """Return whether a clause has a moment of the same kind, and none that agrees."""
    here = [
        moment for moment in sentence.times if moment.start in within and moment.kinds & asked.kinds
    ]
    return bool(here) and not any(asked.agrees(moment) for moment in here)


def _misplaced_names(alignment: Alignment, clause: range, within: range) -> Iterator[Doubt]:
    claim, sentence = alignment.claim, alignment.sentence
    claim_names = {claim.words[at].folded for at in claim.names if at in clause}
    clause_words = {sentence.words[at].folded for at in within}
    claim_words = {claim.words[at].folded for at in clause}
    rivals = {sentence.words[at].folded for at in sentence.names if at in within} - claim_words
    if claim_names and rivals and not claim_names & clause_words:
        yield Doubt.NAME_MISSING
