"""Alignment of the words of a claim with those of a sentence, by stems and word vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.retrieval.answer.support.lexicon import opposed

if TYPE_CHECKING:
    from chalicelib.retrieval.text.parsed_text import ParsedText

_STRANGE = 0.25
_FAMILIAR = 0.65
"""Cosines of word vectors from which on a word is covered in part, and wholly."""
_OPPOSED = 0.5
"""Cover of a word by its opposite: the sentence speaks of it, but says something else."""
_OF_NAMES = 0.25
MATCHED = 0.6

SimilarityMatrix = Sequence[Sequence[float]]


@dataclass(frozen=True, slots=True)
class Alignment:
    """A claim beside a sentence; `likeness` has one row for each word of the claim."""

    claim: ParsedText
    sentence: ParsedText
    likeness: SimilarityMatrix
    asked: frozenset[str] = frozenset()
    """Stems of the question: the claim may use them without support."""

    def covered(self, place: int, within: range | None = None) -> float:
        """Return how well the sentence, or one clause of it, covers a word of the claim, 0 to 1."""
        partner, cosine = self.partner(place, within)
        if partner is None:
            return 0.0
        if self.claim.words[place].stem == self.sentence.words[partner].stem:
            return 1.0
        if self._is_opposed(place, partner):
            return _OPPOSED
        return min(1.0, max(0.0, (cosine - _STRANGE) / (_FAMILIAR - _STRANGE)))

    def familiarity(self, place: int) -> float:
        """Return the highest cosine of a word with any other, 1 for the same or the question's."""
        word = self.claim.words[place]
        if word.stem in self.asked:
            return 1.0
        partner, cosine = self.partner(place)
        same = partner is not None and self.sentence.words[partner].stem == word.stem
        return 1.0 if same else cosine

    def partner(self, place: int, within: range | None = None) -> tuple[int | None, float]:
        """Return the place of the word most similar to the claim's at `place`, and their cosine.

        A word with the same stem is preferred to any other.
        """
        places = within if within is not None else range(len(self.sentence.words))
        if not places:
            return None, 0.0
        row, stem = self.likeness[place], self.claim.words[place].stem
        best = max(places, key=lambda at: (self.sentence.words[at].stem == stem, row[at]))
        return best, row[best]

    def matches(self, place: int, within: range | None = None) -> int | None:
        """Return the place of a word that means the same as the claim's at `place`, or None."""
        partner, cosine = self.partner(place, within)
        if partner is None:
            return None
        same = self.claim.words[place].stem == self.sentence.words[partner].stem
        alike = cosine >= MATCHED and not self._is_opposed(place, partner)
        return partner if same or alike else None

    def coverage(self, clause: range, within: range | None = None) -> float:
        """Return the mean cover of the words of a clause of the claim that carry meaning.

        Names are left out: they are compared with the whole source, which may go on with `she`.
        """
        names = self.claim.names
        places = [
            at
            for at in self.claim.content
            if at in clause and at not in names and self.claim.words[at].stem not in self.asked
        ]
        return self._mean(places, within)

    def nearness(self, clause: range) -> float:
        """Return how similar the sentence is to a clause: its cover, and a little for its names."""
        names = [at for at in self.claim.names if at in clause]
        return self.coverage(clause) + (_OF_NAMES * self._mean(names, None) if names else 0.0)

    def _mean(self, places: Sequence[int], within: range | None) -> float:
        if not places:
            return 1.0
        return sum(self.covered(at, within) for at in places) / len(places)

    def clause_for(self, clause: range) -> range:
        """Return the clause of the sentence that covers a clause of the claim best.

        Words other than names decide: two clauses about one name say different things.
        """
        places = [at for at in self.claim.content if at in clause and at not in self.claim.names]
        return max(
            self.sentence.clauses, key=lambda within: (self._mean(places, within), -len(within))
        )

    def is_matched(self, place: int, clause: range) -> bool:
        """Return whether a clause of the claim has a word like the sentence's at `place`."""
        word = self.sentence.words[place]
        return any(
            self.claim.words[at].stem == word.stem
            or (self.likeness[at][place] >= MATCHED and not self._is_opposed(at, place))
            for at in clause
        )

    def _is_opposed(self, place: int, partner: int) -> bool:
        claim_word, sentence_word = (
            self.claim.words[place].folded,
            self.sentence.words[partner].folded,
        )
        return opposed(claim_word, sentence_word) is not None
