"""How alike the names of a field and a label on a page are, by their words, letters and meaning.

Words and letters find `Invoice No.` for `invoiceNumber`, in any language that both are in. A
sentence embedding finds `Amount due` for `total`, in the languages that its model covers, and
cross-lingual vectors of groups of letters find `Bestellnr.` for `order number`.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from chalicelib.extraction.text_kinds import KINDS
from chalicelib.extraction.values.characters import folded

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from chalicelib.extraction.label_subwords import SubwordVectors
    from chalicelib.extraction.label_vocabulary import LabelVocabulary
    from chalicelib.extraction.text_kinds import TextKinds

MAX_LABEL = 120
"""Characters of a label that are compared: a longer text is a sentence, which names nothing."""
_GRAM = 3
_WORD = re.compile(r"[^\W_]+")
_MIN_PREFIX = 2
_NO_KINDS: NDArray[np.float32] = np.zeros(len(KINDS), np.float32)


class LabelEmbedder(Protocol):
    """A model that gives each text a vector of unit length."""

    def embed(self, texts: Sequence[str], *, truncate: bool = False) -> NDArray[np.float32]:
        """Return the vectors, (texts, dimensions)."""


class LabelLikeness(NamedTuple):
    """How alike the names of a field and a label are, each from 0 to 1.

    Attributes:
        equal: 1 if a name and the label have the same words.
        covered: Largest share of a name's words that the label has, whole or shortened.
        precise: Share of the label's words that this name has.
        letters: Dice's coefficient of the groups of three letters, largest of the names.
        meaning: Cosine of the embeddings, largest of the names; 0 without a model.
        vocabulary: Likelihood that documents call one thing so, largest of the names; 0 without.
        contrary: Likelihood that the label names a thing that is none of the names; 0 without.
        translation: Cosine of the cross-lingual vectors, largest of the names; 0 without.
    """

    equal: float = 0.0
    covered: float = 0.0
    precise: float = 0.0
    letters: float = 0.0
    meaning: float = 0.0
    vocabulary: float = 0.0
    contrary: float = 0.0
    translation: float = 0.0

    @property
    def overall(self) -> float:
        """Return one number: the better of what is written and what is meant."""
        written = 0.5 * (self.covered + self.precise)
        spelt = 0.9 * min(1.0, 0.6 * written + 0.4 * self.letters)
        return max(self.equal, spelt, self.meaning, self.vocabulary, self.translation)


NO_LIKENESS = LabelLikeness()


@dataclass(frozen=True, slots=True)
class _Form:
    """A text made comparable: its words without case and accents, and its groups of letters."""

    words: tuple[str, ...]
    grams: Counter[str]

    @classmethod
    def of(cls, text: str) -> _Form:
        whole = unicodedata.normalize("NFKD", text[:MAX_LABEL]).casefold()
        plain = "".join(each for each in whole if not unicodedata.combining(each))
        words = tuple(_WORD.findall(plain))
        joined = f" {' '.join(words)} "
        grams = Counter(joined[at : at + _GRAM] for at in range(len(joined) - _GRAM + 1))
        return cls(words, grams)


@dataclass(slots=True)
class LabelComparison:
    """Compares names with labels, each text prepared and embedded once.

    Args:
        embedder: gives the texts' vectors, or None to compare by words and letters alone.
        vocabulary: what documents call things, by these vectors.
        subwords: vectors of texts in other languages than the names.
        kinds: what texts are and what names ask for, by these vectors.
    """

    embedder: LabelEmbedder | None = None
    vocabulary: LabelVocabulary | None = None
    subwords: SubwordVectors | None = None
    kinds: TextKinds | None = None
    _forms: dict[str, _Form] = field(default_factory=dict)
    _vectors: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    _projected: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    _things: dict[tuple[str, ...], NDArray[np.float32]] = field(default_factory=dict)
    _known: dict[tuple[tuple[str, ...], str], LabelLikeness] = field(default_factory=dict)
    _spelt: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    _concepts: dict[tuple[str, ...], NDArray[np.float32]] = field(default_factory=dict)
    _text_kinds: dict[str, NDArray[np.float32]] = field(default_factory=dict)

    def embed(self, texts: Sequence[str]) -> None:
        """Embed the texts that were not yet, in one call of the model."""
        if self.embedder is None:
            return
        new = [text for text in dict.fromkeys(map(_shown, texts)) if text not in self._vectors]
        if new := [text for text in new if _is_worded(text)]:
            vectors = self.embedder.embed(new, truncate=True)
            self._vectors.update(zip(new, vectors, strict=True))
            if self.vocabulary is not None:
                projected = self.vocabulary.project(vectors)
                self._projected.update(zip(new, projected, strict=True))

    def likeness(self, names: tuple[str, ...], label: str) -> LabelLikeness:
        """Return how alike the best of `names` and `label` are; a name or label may be empty."""
        key = names, label
        if key not in self._known:
            self._known[key] = self._compared(names, label)
        return self._known[key]

    def similarity(self, names: tuple[str, ...], label: str) -> float:
        """Return how alike they are as one number, 0 to 1."""
        return self.likeness(names, label).overall

    def meaning(self, names: tuple[str, ...], text: str) -> float:
        """Return the largest cosine of the embeddings of `names` and a text, 0 without a model."""
        if self.embedder is None or not _is_worded(shown := _shown(text)):
            return 0.0
        kept = [name for name in map(_shown, names) if _is_worded(name)]
        self.embed([shown, *kept])
        vector = self._vectors[shown]
        return max((float(self._vectors[name] @ vector) for name in kept), default=0.0)

    def _compared(self, names: tuple[str, ...], label: str) -> LabelLikeness:
        form = self._form(label)
        if not form.words:
            return NO_LIKENESS
        best = NO_LIKENESS
        for name in names:
            other = self._form(name)
            if other.words:
                best = max(best, _written(other, form), key=lambda each: each.overall)
        best = best._replace(
            meaning=max(0.0, self.meaning(names, label)),
            translation=self._translation(names, label),
        )
        if self.vocabulary is None or (of_label := self._projected.get(_shown(label))) is None:
            return best
        shown = map(_shown, names)
        of_names = [self._projected[name] for name in shown if name in self._projected]
        if not of_names:
            return best
        known = max(self.vocabulary.likeness(name, of_label) for name in of_names)
        return best._replace(vocabulary=known, contrary=self._contrary(names, of_names, label))

    def _translation(self, names: tuple[str, ...], label: str) -> float:
        """Return the largest cosine of the cross-lingual vectors, 0 without any."""
        if self.subwords is None:
            return 0.0
        vector = self._direction(self.subwords, label)
        return max(0.0, *(float(self._direction(self.subwords, name) @ vector) for name in names))

    def concepts(self, names: tuple[str, ...]) -> NDArray[np.float32]:
        """Return the likeness of the best of some names to each concept: (concepts,), 0 to 1."""
        if names not in self._concepts:
            self._concepts[names] = self._concepts_of(names)
        return self._concepts[names]

    def _concepts_of(self, names: tuple[str, ...]) -> NDArray[np.float32]:
        if self.subwords is None or not names:
            return np.zeros(len(self.subwords.concepts) if self.subwords else 0, np.float32)
        subwords = self.subwords
        alike = [subwords.concept_likeness(self._direction(subwords, name)) for name in names]
        found: NDArray[np.float32] = np.max(alike, axis=0)
        return found

    def concept_margins(self, names: tuple[str, ...], label: str) -> tuple[float, float]:
        """Return how well one concept explains names and a label, and how much better another one
        explains the label alone; both from 0 to 1.
        """
        wanted, told = self.concepts(names), self.concepts((label,))
        same = float(np.minimum(wanted, told).max(initial=0.0))
        return same, float((told - wanted).max(initial=0.0))

    def names_a_concept(self, text: str) -> float:
        """Return the likeness of a text to the nearest name of any concept, 0 to 1."""
        return float(self.concepts((text,)).max(initial=0.0))

    def asks_for_percent(self, names: tuple[str, ...]) -> float:
        """Return how much more names are like those of shares of a hundred than like others.

        1 where a name has the sign.
        """
        if any("%" in folded(name) for name in names):
            return 1.0
        if self.subwords is None or not self.subwords.concepts:
            return 0.0
        alike = self.concepts(names)
        shares = np.array([each.kind == "percent" for each in self.subwords.concepts])
        of_shares = float(alike[shares].max(initial=0.0))
        return of_shares - float(alike[~shares].max(initial=0.0))

    def text_kinds(self, text: str) -> NDArray[np.float32]:
        """Return the probability of each of `KINDS` that a text is of it; zeros without weights."""
        if self.kinds is None:
            return _NO_KINDS
        if text not in self._text_kinds:
            self._text_kinds[text] = self.kinds.shares(text)
        return self._text_kinds[text]

    def asked_kinds(self, names: tuple[str, ...]) -> NDArray[np.float32]:
        """Return the probability of each of `KINDS` that names ask for it."""
        if self.kinds is None or self.subwords is None:
            return _NO_KINDS
        vectors = [self._direction(self.subwords, name) for name in names]
        return self.kinds.asked(np.array([each for each in vectors if each.any()]))

    def _direction(self, subwords: SubwordVectors, text: str) -> NDArray[np.float32]:
        if text not in self._spelt:
            self._spelt[text] = subwords.vector(text)
        return self._spelt[text]

    def _contrary(
        self, names: tuple[str, ...], of_names: Sequence[NDArray[np.float32]], label: str
    ) -> float:
        """Return how likely names and label both are known, and not as the same thing."""
        if self.vocabulary is None:
            return 0.0
        if names not in self._things:
            named = [self.vocabulary.named(each) for each in of_names]
            self._things[names] = np.max(named, axis=0)
        wanted, told = self._things[names], self._thing(label)
        same = float(np.minimum(wanted, told).max(initial=0.0))
        return max(0.0, float(told.max(initial=0.0)) - same) * float(wanted.max(initial=0.0))

    def _thing(self, text: str) -> NDArray[np.float32]:
        shown = _shown(text)
        if (shown,) not in self._things and self.vocabulary is not None:
            self._things[shown,] = self.vocabulary.named(self._projected[shown])
        return self._things[shown,]

    def _form(self, text: str) -> _Form:
        if text not in self._forms:
            self._forms[text] = _Form.of(text)
        return self._forms[text]


def _written(name: _Form, label: _Form) -> LabelLikeness:
    found = [any(_same(word, other) for other in label.words) for word in name.words]
    used = [any(_same(other, word) for other in name.words) for word in label.words]
    shared = sum((name.grams & label.grams).values())
    letters = 2 * shared / max(1, name.grams.total() + label.grams.total())
    equal = name.words == label.words or "".join(name.words) == "".join(label.words)
    return LabelLikeness(
        equal=float(equal),
        covered=sum(found) / len(found),
        precise=sum(used) / len(used),
        letters=letters,
    )


def _same(word: str, other: str) -> bool:
    """Return whether two words are one, of which either may be shortened to its beginning."""
    if word == other:
        return True
    short, long = sorted((word, other), key=len)
    return len(short) >= _MIN_PREFIX and long.startswith(short) and not short.isdigit()


def _is_worded(text: str) -> bool:
    """Return whether a text has more letters than digits: others mean nothing to a model."""
    return sum(map(str.isalpha, text)) > sum(map(str.isdigit, text))


def _shown(text: str) -> str:
    return " ".join(text[:MAX_LABEL].split())
