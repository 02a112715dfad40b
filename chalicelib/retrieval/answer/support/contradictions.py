"""Contradictions between a claim and a sentence: negation, opposites and swapped roles.

Each turn flips the sense, so that two of them keep it: `Kern lost to Sand` says what
`Sand won against Kern` says.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from chalicelib.contracts.functions.check_support import Doubt
from chalicelib.retrieval.answer.support.lexicon import IDIOMS, NEGATIONS, opposed
from chalicelib.retrieval.text.parsed_text import CONNECTORS, ParsedText
from chalicelib.retrieval.text.terms import word_set

if TYPE_CHECKING:
    from chalicelib.retrieval.answer.support.alignment import Alignment

_SOME, _MOST = 0.3, 0.5
_SCOPE = 3
"""The number of words of meaning after a negation that it is taken to deny."""
_BE = word_set("is are was were be been being gets got")
_ORDER = word_set("before after ahead behind above below over under")
_PRONOUNS = word_set("him her it them")
_BETWEEN = word_set("against")
"""Words that stand between partners but are not partners themselves."""
_NEAR = 4
_AGENT = 2


def contradictions(alignment: Alignment, clause: range, within: range) -> Iterator[Doubt]:
    """Yield each way in which a clause of the claim contradicts the clause aligned with it."""
    negations = _negations(alignment, clause)
    opposites = _opposites(alignment, clause, within)
    swapped = _swapped(alignment, clause) or _reversed_route(
        alignment.claim, clause, alignment.sentence
    )
    if (negations + opposites + swapped) % 2 == 0:
        return
    yield Doubt.NEGATION if negations else Doubt.RELATION_CHANGED


def differs_in_voice(alignment: Alignment, clause: range, within: range) -> bool:
    """Return whether only one of two clauses is passive, so that their subjects swap places."""
    passive_claim = (_passive(alignment.claim, at) for at in clause)
    passive_sentence = (_passive(alignment.sentence, at) for at in within)
    return any(passive_claim) is not any(passive_sentence)


def _negations(alignment: Alignment, clause: range) -> int:
    """Return how many more negations one side has of what the other side says, too."""
    claim, sentence = alignment.claim, alignment.sentence
    mine = len(list(_denied(claim, clause)))
    theirs = sum(
        _is_about(alignment, scope, clause, at_least=_SOME if mine else _MOST)
        for within in sentence.clauses
        for scope in _denied(sentence, within)
    )
    return abs(mine - theirs)


def _is_about(alignment: Alignment, scope: Sequence[int], clause: range, at_least: float) -> bool:
    """Return whether a clause of the claim speaks of what the sentence denies.

    It does if it has the first denied word, or a sufficient share of them.
    """
    matched = [alignment.is_matched(at, clause) for at in scope]
    return bool(matched) and (matched[0] or sum(matched) > at_least * len(matched))


def _denied(reading: ParsedText, clause: range) -> Iterator[list[int]]:
    """Yield the words of meaning that each negation of a clause denies."""
    idle = {place for idiom in IDIOMS for place in _places(reading, idiom)}
    for at in clause:
        folded = reading.words[at].folded
        if at in idle or not (folded in NEGATIONS or folded.endswith("n't")):
            continue
        after = [place for place in reading.content if place > at and place in clause]
        before = [place for place in reading.content if place < at and place in clause]
        yield (after or before[::-1])[:_SCOPE]


def _places(reading: ParsedText, phrase: str) -> Iterator[int]:
    phrase_words = phrase.split()
    folded = [word.folded for word in reading.words]
    for at in range(len(folded) - len(phrase_words) + 1):
        if folded[at : at + len(phrase_words)] == phrase_words:
            yield from range(at, at + len(phrase_words))


def _opposites(alignment: Alignment, clause: range, within: range) -> int:
    """Return the number of axes on which the claim opposes the sentence."""
    claim, sentence = alignment.claim, alignment.sentence
    claim_words = {claim.words[at].folded for at in clause}
    places = {*within, *_comparatives(sentence)} if _comparatives(claim) else set(within)
    sentence_words = {sentence.words[place].folded for place in places}
    axes = {
        axis
        for at in clause
        if claim.words[at].folded not in sentence_words
        for place in places
        if sentence.words[place].folded not in claim_words
        and (axis := opposed(claim.words[at].folded, sentence.words[place].folded)) is not None
    }
    return len(axes)


def _comparatives(reading: ParsedText) -> set[int]:
    """Return the places of the words before `than`, which belong to a comparison."""
    than = [at for at, word in enumerate(reading.words) if word.folded == "than"]
    return {at for end in than for at in range(max(0, end - _NEAR), end)}


def _swapped(alignment: Alignment, clause: range) -> bool:
    """Return whether two partners are swapped about a word that both texts share."""
    claim = alignment.claim
    for pivot in clause:
        if not _may_turn(claim, pivot):
            continue
        place = _pivot(alignment, pivot)
        if place is None:
            continue
        crossed = _crossed(alignment, clause, pivot, place)
        same_voice = _passive(claim, pivot) is _passive(alignment.sentence, place)
        suffers = None if same_voice else _agent_suffers(alignment, clause, pivot, place)
        if suffers is not None:
            return suffers
        if crossed is not None:
            return crossed is same_voice
    return False


def _reversed_route(claim: ParsedText, clause: range, sentence: ParsedText) -> bool:
    """Return whether `from A to B` meets `from B to A`."""
    sentence_routes = set(_routes(sentence, range(len(sentence.words))))
    return any(
        (end, start) in sentence_routes for start, end in _routes(claim, clause) if start != end
    )


def _routes(reading: ParsedText, clause: range) -> Iterator[tuple[str, str]]:
    folded = [word.folded for word in reading.words]
    for at in clause:
        if folded[at] == "from" and "to" in folded[at + 2 : at + _NEAR + 1]:
            to = folded.index("to", at + 2)
            if to + 1 < len(folded):
                yield reading.words[to - 1].stem, reading.words[to + 1].stem


def _agent_suffers(alignment: Alignment, clause: range, pivot: int, place: int) -> bool | None:
    """Return whether the agent of the passive text is the object of the active one.

    None if the active text does not name the agent. `Data is processed by the firm Paygate` meets
    `we process data for the firm Paygate`.
    """
    claim, sentence = alignment.claim, alignment.sentence
    claim_side, sentence_side = (claim, clause, pivot), (sentence, _around(sentence, place), place)
    passive, active = (
        (claim_side, sentence_side) if _passive(claim, pivot) else (sentence_side, claim_side)
    )
    agent = _agent(passive[0], passive[2])
    before, after = _partners(*active)
    return not agent & before if agent & (before | after) else None


def _agent(passive: ParsedText, place: int) -> set[str]:
    """Return the stems of the first words of meaning behind `by`."""
    by = next(at for at in range(place, len(passive.words)) if passive.words[at].folded == "by")
    return {passive.words[at].stem for at in [at for at in passive.content if at > by][:_AGENT]}


def _may_turn(claim: ParsedText, place: int) -> bool:
    """Return whether partners may stand about a word: a verb, or an order in time or place."""
    if claim.words[place].folded in _ORDER:
        return True
    return place in claim.content and not _is_noun(claim, place)


def _is_noun(reading: ParsedText, place: int) -> bool:
    return place in reading.names or reading.follows_article(place) or reading.is_counted(place)


def _pivot(alignment: Alignment, pivot: int) -> int | None:
    """Return the sentence's word with the same meaning as the claim's pivot, or the opposite."""
    word = alignment.claim.words[pivot]
    for place, other in enumerate(alignment.sentence.words):
        same = word.stem == other.stem or opposed(word.folded, other.folded) is not None
        if same and not (other.folded not in _ORDER and _is_noun(alignment.sentence, place)):
            return place
    return None


def _crossed(alignment: Alignment, clause: range, pivot: int, place: int) -> bool | None:
    """Return whether the partners on the two sides of a word have changed sides.

    None if the texts share too few of them to decide.
    """
    claim, sentence = alignment.claim, alignment.sentence
    before, after = _partners(claim, clause, pivot)
    first, then = _partners(sentence, _around(sentence, place), place)
    if _PRONOUNS & {word.folded for word in sentence.words[place + 1 : place + 2]}:
        then = then | before - first
    crossed, straight = (before & then, after & first), (before & first, after & then)
    if all(crossed) and sum(map(len, crossed)) > sum(map(len, straight)):
        return True
    return False if all(straight) else None


def _partners(reading: ParsedText, around: range, place: int) -> tuple[set[str], set[str]]:
    """Return the stems on either side of a word.

    A word of order that opens its clause has its first partner right behind it: `after glazing the
    pots are fired` is `the pots are fired after glazing`.
    """
    words = [
        at
        for at in reading.content
        if at in around and at != place and reading.words[at].folded not in _BETWEEN
    ]
    before = {reading.words[at].stem for at in words if at < place}
    after = {reading.words[at].stem for at in words if at > place}
    if before or reading.words[place].folded not in _ORDER:
        return before, after
    return (
        {reading.words[at].stem for at in words[1:]},
        {reading.words[at].stem for at in words[:1]},
    )


def _around(sentence: ParsedText, place: int) -> range:
    """Return the clause of a word and those beside it that no connector cuts off."""
    clauses = list(sentence.clauses)
    first = last = next(at for at, clause in enumerate(clauses) if place in clause)
    while first > 0 and not _is_cut_off(sentence, clauses[first]):
        first -= 1
    while last + 1 < len(clauses) and not _is_cut_off(sentence, clauses[last + 1]):
        last += 1
    return range(clauses[first].start, clauses[last].stop)


def _is_cut_off(sentence: ParsedText, clause: range) -> bool:
    opening = sentence.words[clause.start]
    return opening.folded in CONNECTORS or ";" in sentence.text[: opening.start].rstrip()[-1:]


def _passive(reading: ParsedText, place: int) -> bool:
    around = [word.folded for word in reading.words[max(0, place - _NEAR) : place]]
    after = [word.folded for word in reading.words[place + 1 : place + 1 + 2 * _NEAR]]
    return not _BE.isdisjoint(around) and "by" in after
