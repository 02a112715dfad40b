"""Whether a claim goes further than its sentence: all for some, must for may, a limit dropped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.retrieval.support.lexicon import (
    COMPARING,
    CONDITIONS,
    DISTRIBUTIVES,
    LIMITS,
    NECESSITY,
    NEGATIONS,
    POSSIBILITY,
    UNIVERSAL_PHRASES,
    UNIVERSALS,
    axes_of,
)

if TYPE_CHECKING:
    from chalicelib.retrieval.support.alignment import Alignment
    from chalicelib.retrieval.support.reading import Reading

_INFINITIVE = frozenset({"has", "have", "had"})


def overstated(alignment: Alignment, clause: range, within: range) -> bool:
    """Say whether a clause of the claim goes further than the sentence that answers to it."""
    claim, sentence = alignment.claim, alignment.sentence
    whole = range(len(sentence.words))
    if _universal(claim, clause) and not _universal(sentence, whole):
        return DISTRIBUTIVES.isdisjoint(_folded(sentence, whole))
    if _necessary(claim, clause) and _possible(sentence, within):
        return not (_necessary(sentence, whole) or "only" in _folded(sentence, whole))
    return _limited(sentence, within) and not _bounded(claim)


def compared(alignment: Alignment, clause: range) -> bool:
    """Say whether a clause of the claim draws a comparison that the sentence does not draw.

    `Longer during probation than afterwards` may follow from what is told, but has to be worked
    out. `More than 30 knots` is no comparison but a bound.
    """
    claim = alignment.claim
    figures = {found.start for found in claim.quantities}
    figures |= {found.start for found in claim.moments}
    told = {word.folded for word in alignment.sentence.words}
    for at in clause:
        if claim.words[at].folded != "than" or figures & {at + 1, at + 2}:
            continue
        axes = {axis for word in claim.words[:at] for axis in axes_of(word.folded)}
        return COMPARING.isdisjoint(told) and not any(axes & axes_of(word) for word in told)
    return False


def _folded(reading: Reading, within: range) -> set[str]:
    return {reading.words[at].folded for at in within}


def _universal(reading: Reading, within: range) -> bool:
    text = " ".join(reading.words[at].folded for at in within)
    return not UNIVERSALS.isdisjoint(_folded(reading, within)) or any(
        phrase in text for phrase in UNIVERSAL_PHRASES
    )


def _necessary(reading: Reading, within: range) -> bool:
    """Say whether something is required; `has` and `have` only before `to`."""
    for at in within:
        folded = reading.words[at].folded
        follows = reading.words[at + 1].folded if at + 1 < len(reading.words) else ""
        if folded in NECESSITY and (folded not in _INFINITIVE or follows == "to"):
            return True
    return False


def _possible(reading: Reading, within: range) -> bool:
    return not POSSIBILITY.isdisjoint(_folded(reading, within))


def _limited(reading: Reading, within: range) -> bool:
    text = " ".join(reading.words[at].folded for at in within)
    return any(limit in text for limit in LIMITS) or text.endswith(" only")


def _bounded(claim: Reading) -> bool:
    said = _folded(claim, range(len(claim.words)))
    return not (CONDITIONS | NEGATIONS | NECESSITY).isdisjoint(said)
