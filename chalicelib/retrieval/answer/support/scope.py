"""Rules for claims that go further than their sentence, or have another subject than it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from chalicelib.retrieval.answer.support.contradictions import differs_in_voice
from chalicelib.retrieval.answer.support.lexicon import (
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
from chalicelib.retrieval.text.parsed_text import CONNECTORS, ParsedText
from chalicelib.retrieval.text.terms import stems, word_set

if TYPE_CHECKING:
    from chalicelib.retrieval.answer.support.alignment import Alignment


_INFINITIVE = frozenset({"has", "have", "had"})


def is_overstated(alignment: Alignment, clause: range, within: range) -> bool:
    """Return whether a clause of the claim goes further than the clause aligned with it."""
    claim, sentence = alignment.claim, alignment.sentence
    whole = range(len(sentence.words))
    if _universal(claim, clause) and not _universal(sentence, whole):
        return DISTRIBUTIVES.isdisjoint(_folded(sentence, whole))
    if _necessary(claim, clause) and _possible(sentence, within):
        return not (_necessary(sentence, whole) or "only" in _folded(sentence, whole))
    return _limited(sentence, within) and not _bounded(claim)


def adds_comparison(alignment: Alignment, clause: range) -> bool:
    """Return whether a clause of the claim makes a comparison that the sentence does not.

    `Longer during probation than afterwards` may follow from the sentence, but has to be worked
    out. `More than 30 knots` is a bound and no comparison.
    """
    claim = alignment.claim
    figures = {figure.start for figure in claim.quantities}
    figures |= {figure.start for figure in claim.times}
    folded_words = {word.folded for word in alignment.sentence.words}
    for at in clause:
        if claim.words[at].folded != "than" or figures & {at + 1, at + 2}:
            continue
        axes = {axis for word in claim.words[:at] for axis in axes_of(word.folded)}
        return COMPARING.isdisjoint(folded_words) and not any(
            axes & axes_of(word) for word in folded_words
        )
    return False


def _folded(reading: ParsedText, within: range) -> set[str]:
    return {reading.words[at].folded for at in within}


def _universal(reading: ParsedText, within: range) -> bool:
    text = " ".join(reading.words[at].folded for at in within)
    return not UNIVERSALS.isdisjoint(_folded(reading, within)) or any(
        phrase in text for phrase in UNIVERSAL_PHRASES
    )


def _necessary(reading: ParsedText, within: range) -> bool:
    """Return whether something is required; `has` and `have` only count before `to`."""
    for at in within:
        folded = reading.words[at].folded
        follows = reading.words[at + 1].folded if at + 1 < len(reading.words) else ""
        if folded in NECESSITY and (folded not in _INFINITIVE or follows == "to"):
            return True
    return False


def _possible(reading: ParsedText, within: range) -> bool:
    return not POSSIBILITY.isdisjoint(_folded(reading, within))


def _limited(reading: ParsedText, within: range) -> bool:
    text = " ".join(reading.words[at].folded for at in within)
    return any(limit in text for limit in LIMITS) or text.endswith(" only")


def _bounded(claim: ParsedText) -> bool:
    folded_words = _folded(claim, range(len(claim.words)))
    return not (CONDITIONS | NEGATIONS | NECESSITY).isdisjoint(folded_words)


ANSWERS = 0.5
"""Mean cover from which on a clause of a sentence corresponds to a clause of a claim."""


_SUBJECT = 2
"""Words of meaning at the head of a clause that name its subject."""


_VERBS = word_set("is are was were has have had may must can will should does do did")


_ALIKE = 0.4


_UNHEARD_OF = 0.25
"""Cosine of word vectors below which nothing in a sentence is like a noun."""


def has_other_subject(alignment: Alignment, clause: range, within: range) -> bool:
    """Return whether the aligned clause has another of the sentence's own subjects.

    `The landlord pays for minor repairs` meets `the tenant pays for minor repairs`, in a sentence
    that speaks of the landlord elsewhere.
    """
    claim, sentence = alignment.claim, alignment.sentence
    if alignment.coverage(clause, within) < ANSWERS or differs_in_voice(alignment, clause, within):
        return False
    opening = [at for at in claim.content if at in clause and at not in claim.names][:_SUBJECT]
    within = _with_subject(sentence, within)
    heads = [at for at in sentence.content if at in within][:_SUBJECT]
    elsewhere = {sentence.words[at].stem for at in sentence.content if at not in within}
    lost = any(
        alignment.matches(at, within) is None and claim.words[at].stem in elsewhere
        for at in opening
    )
    return lost and any(not alignment.is_matched(at, clause) for at in heads)


def _with_subject(sentence: ParsedText, within: range) -> range:
    """Return a clause with the one before it if it has no subject itself: `and is paid`."""
    opening = [sentence.words[at].folded for at in within[:2]]
    if within.start == 0 or len(opening) < 2 or opening[0] not in CONNECTORS:
        return within
    if opening[1] not in _VERBS:
        return within
    return range(sentence.clause_of(within.start - 1).start, within.stop)


def swaps_noun(alignment: Alignment, clause: range, passage: Sequence[ParsedText]) -> bool:
    """Return whether a noun of another sentence has replaced one of this sentence."""
    claim, sentence = alignment.claim, alignment.sentence
    sentence_stems = {word.stem for word in sentence.words}
    claim_stems = {word.stem for word in claim.words}
    elsewhere = _elsewhere(sentence, passage)
    for at in claim.content:
        stem = claim.words[at].stem
        if (
            at not in clause
            or stem in sentence_stems
            or stem not in elsewhere
            or not claim.is_nominal(at)
        ):
            continue
        partner, cosine = alignment.partner(at)
        if partner is not None and cosine >= _ALIKE and sentence.is_nominal(partner):
            return sentence.words[partner].stem not in claim_stems
        if cosine < _UNHEARD_OF and not sentence.refers_back:
            return True
    return False


def _elsewhere(sentence: ParsedText, passage: Sequence[ParsedText]) -> frozenset[str]:
    """Return the stems of the other sentences, without the passage's first words: its topic."""
    others = [word for other in passage if other is not sentence for word in other.words]
    first = passage[0]
    topic = {first.words[at].stem for at in first.content[:_SUBJECT]}
    return stems(others) - topic


def adds_unknown(alignments: Sequence[Alignment], clause: range) -> bool:
    """Return whether a clause adds with `and` a thing that is unlike anything in the source."""
    claim = alignments[0].claim
    joined = (at for at in clause if claim.words[at].folded == "and")
    added = (next((at for at in claim.content if at > place), None) for place in joined)
    return any(
        at is not None
        and at in clause
        and at not in claim.names
        and max(alignment.familiarity(at) for alignment in alignments) < _ALIKE
        for at in added
    )


def is_unfamiliar(alignments: Sequence[Alignment], clause: range) -> bool:
    """Return whether a clause speaks of a thing that is unlike anything in the source."""
    claim = alignments[0].claim
    return any(
        max(alignment.familiarity(at) for alignment in alignments) < _UNHEARD_OF
        for at in claim.content
        if at in clause and claim.is_nominal(at)
    )
