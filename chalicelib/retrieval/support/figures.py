"""Numbers, dates and names of a claim: each must stand in the source, and in the right place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from chalicelib.contracts import Doubt
from chalicelib.retrieval.support.alignment import Alignment
from chalicelib.retrieval.support.dates import Moment
from chalicelib.retrieval.support.quantities import Quantity
from chalicelib.retrieval.support.reading import Reading
from chalicelib.retrieval.support.units import COUNT

_NATIONAL = 5
"""Letters that `German` and `Germany` share at the least."""


def missing(claim: Reading, passage: Sequence[Reading], heading: Reading) -> set[Doubt]:
    """Return what of the claim's numbers, dates and names is nowhere in a source.

    This is the hard rule: nothing else makes up for it.
    """
    places = [*passage, heading]
    quantities = [found for place in places for found in (*place.quantities, *place.understood)]
    moments = [found for place in places for found in place.moments]
    doubts = set()
    if not all(_has_quantity(asked, quantities, moments) for asked in claim.quantities):
        doubts.add(Doubt.NUMBER_MISSING)
    if not all(_has_moment(asked, moments, quantities) for asked in claim.moments):
        doubts.add(Doubt.DATE_MISSING)
    known = {word.folded for place in places for word in place.words}
    if not all(_is_known(claim.words[at].folded, known) for at in claim.names):
        doubts.add(Doubt.NAME_MISSING)
    return doubts


def _has_quantity(
    asked: Quantity, quantities: Sequence[Quantity], moments: Sequence[Moment]
) -> bool:
    if any(asked.same(found) for found in quantities):
        return True
    bare = asked.dimension == COUNT
    return bare and any(asked.value in (found.year, found.day) for found in moments)


def _has_moment(asked: Moment, moments: Sequence[Moment], quantities: Sequence[Quantity]) -> bool:
    """Say whether what is told is told by one date, or by dates that together tell no other."""
    fitting = [found for found in moments if asked.agrees(found)]
    told = {kind for found in fitting for kind in asked.kinds & found.kinds}
    if asked.kinds <= told and fitting:
        return True
    alone = asked.kinds == {0}
    return alone and any(found.value == asked.year for found in quantities)


def _is_known(name: str, known: set[str]) -> bool:
    if name in known or name.rstrip("s") in known:
        return True
    return any(
        len(name) >= _NATIONAL and word[:_NATIONAL] == name[:_NATIONAL] and word[0].isalpha()
        for word in known
        if len(word) >= _NATIONAL and (name.startswith(word) or word.startswith(name))
    )


def misplaced(alignment: Alignment, clause: range, within: range) -> Iterator[Doubt]:
    """Yield what the sentence tells of something else than a clause of the claim does.

    A figure of the claim is misplaced where the clause that answers to it holds a rival, of
    the same kind and not in the claim, in its stead.
    """
    claim, sentence = alignment.claim, alignment.sentence
    asked = [found for found in claim.quantities if found.start in clause]
    told_here = (*sentence.quantities, *sentence.understood)
    here = [found for found in told_here if found.start in within]
    for quantity in asked:
        rivals = [found for found in here if found.dimension == quantity.dimension]
        if rivals and not any(quantity.same(found) for found in here):
            yield Doubt.NUMBER_MISSING
    told = [found for found in sentence.moments if found.start in within]
    for moment in (found for found in claim.moments if found.start in clause):
        rivals_in_time = [found for found in told if found.kinds & moment.kinds]
        if rivals_in_time and not any(moment.agrees(found) for found in told):
            yield Doubt.DATE_MISSING
    yield from _misplaced_names(alignment, clause, within)


def _misplaced_names(alignment: Alignment, clause: range, within: range) -> Iterator[Doubt]:
    claim, sentence = alignment.claim, alignment.sentence
    named = {claim.words[at].folded for at in claim.names if at in clause}
    here = {sentence.words[at].folded for at in within}
    everywhere = {claim.words[at].folded for at in range(len(claim.words))}
    rivals = {sentence.words[at].folded for at in sentence.names if at in within} - everywhere
    if named and rivals and not named & here:
        yield Doubt.NAME_MISSING
