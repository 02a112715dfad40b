"""Numbers, dates and names of a claim: each must occur in the source, in the right clause."""

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
"""Letters that `German` and `Germany` share at the least."""


def missing_entities(claim: ParsedText, places: Sequence[ParsedText]) -> set[Doubt]:
    """Return what of the claim's numbers, dates and names is nowhere in `places`.

    This is the hard rule: nothing else makes up for it.
    """
    return {doubt for doubt, stands_in in _demands(claim) if not stands_in(places)}


def sentences_with_entities(
    claim: ParsedText, passage: Sequence[ParsedText], held: Collection[int]
) -> set[int]:
    """Return the places of further sentences that a quotation needs to show every figure.

    `held` are those that it has.
    """
    more: set[int] = set()
    for _, stands_in in _demands(claim):
        if not stands_in([passage[at] for at in sorted({*held, *more})]):
            telling = (at for at in range(len(passage)) if stands_in([passage[at]]))
            more.update(itertools.islice(telling, 1))
    return more


_StandsIn = Callable[[Sequence[ParsedText]], bool]


def _demands(claim: ParsedText) -> Iterator[tuple[Doubt, _StandsIn]]:
    """Yield a test for each figure of the claim, and the doubt where it fails."""
    for quantity in claim.quantities:
        yield Doubt.NUMBER_MISSING, functools.partial(_has_quantity, quantity)
    for moment in claim.times:
        yield Doubt.DATE_MISSING, functools.partial(_has_moment, moment)
    for at in claim.names:
        yield Doubt.NAME_MISSING, functools.partial(_has_name, claim.words[at].folded)


def _has_quantity(asked: Quantity, places: Sequence[ParsedText]) -> bool:
    told = (found for place in places for found in (*place.quantities, *place.implied))
    if any(asked.is_stated_by(found) for found in told):
        return True
    moments = [found for place in places for found in place.times]
    bare = asked.dimension == COUNT
    return bare and any(asked.value in (found.year, found.day) for found in moments)


def _has_moment(asked: TimeExpression, places: Sequence[ParsedText]) -> bool:
    """Say whether what is told is told by one date, or by dates that together tell no other."""
    fitting = [found for place in places for found in place.times if asked.agrees(found)]
    told = {kind for found in fitting for kind in asked.kinds & found.kinds}
    if fitting and asked.kinds <= told:
        return True
    numbers = (found for place in places for found in place.quantities)
    return asked.kinds == {0} and any(found.value == asked.year for found in numbers)


def _has_name(name: str, places: Sequence[ParsedText]) -> bool:
    known = {word.folded for place in places for word in place.words}
    if name in known or name.rstrip("s") in known:
        return True
    return len(name) >= _NATIONAL and any(
        len(word) >= _NATIONAL and (name.startswith(word) or word.startswith(name))
        for word in known
    )


def misplaced_entities(alignment: Alignment, clause: range, within: range) -> Iterator[Doubt]:
    """Yield what the sentence tells of something else than a clause of the claim does.

    A figure of the claim is misplaced where the clause that answers to it holds a rival, of
    the same kind and not in the claim, in its stead.
    """
    claim, sentence = alignment.claim, alignment.sentence
    told = (*sentence.quantities, *sentence.implied)
    for quantity in (found for found in _measured(claim) if found.start in clause):
        here = [found for found in told if found.start in within]
        rivals = any(found.dimension == quantity.dimension for found in here)
        if rivals and not any(quantity.is_stated_by(found) for found in here):
            yield Doubt.NUMBER_MISSING
    for moment in (found for found in claim.times if found.start in clause):
        alike = [found for found in sentence.times if found.kinds & moment.kinds]
        near = [found for found in alike if found.start in within] or alike
        if near and not any(moment.agrees(found) for found in near):
            yield Doubt.DATE_MISSING
    if _parted(alignment, clause):
        yield Doubt.DATE_MISSING
    yield from _misplaced_names(alignment, clause, within)


def _measured(claim: ParsedText) -> tuple[Quantity, ...]:
    """Return the quantities of a claim, and those understood that can have a rival: the day of
    `the next day`, and `one` of things that are counted.
    """
    ahead = (found for found in claim.implied if claim.words[found.start].folded in {"next", "one"})
    return (*claim.quantities, *ahead)


def _parted(alignment: Alignment, clause: range) -> bool:
    """Say whether a clause of the claim joins moments that the sentence tells of apart.

    `Until 16:00, on Fridays until 14:00` does not tell of Friday at 16:00.
    """
    sentence = alignment.sentence
    moments = [found for found in alignment.claim.times if found.start in clause]
    return any(
        _rivalled(one, sentence.clause_of(told.start), sentence)
        for one, other in itertools.permutations(moments, 2)
        for told in sentence.times
        if other.agrees(told)
    )


def _rivalled(asked: TimeExpression, within: range, sentence: ParsedText) -> bool:
    """Say whether a clause tells something of the kind of a moment, and nothing that agrees."""
    here = [
        found for found in sentence.times if found.start in within and found.kinds & asked.kinds
    ]
    return bool(here) and not any(asked.agrees(found) for found in here)


def _misplaced_names(alignment: Alignment, clause: range, within: range) -> Iterator[Doubt]:
    claim, sentence = alignment.claim, alignment.sentence
    named = {claim.words[at].folded for at in claim.names if at in clause}
    here = {sentence.words[at].folded for at in within}
    said = {claim.words[at].folded for at in clause}
    rivals = {sentence.words[at].folded for at in sentence.names if at in within} - said
    if named and rivals and not named & here:
        yield Doubt.NAME_MISSING
